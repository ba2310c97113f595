//! A slot is one typed field of the settings, seen through its canonical text.
//!
//! Guarantee: `read` of what `show` wrote gives the same value; `read` refuses what it cannot hold and changes nothing.
use super::values::{
    AppendFsync, DisklessLoad, FileMode, KeyspaceEvents, LogLevel, MaxmemoryPolicy, MemoryShare, OutputLimit,
    OutputLimits, Percentiles, Permission, SavePoint, SavePoints, Secret, Supervised,
};

/// A typed field that reads and writes the canonical text of its value.
pub trait Slot {
    /// The canonical text, as CONFIG REWRITE writes it.
    fn show(&self) -> Vec<u8>;
    /// The text that CONFIG GET answers.
    fn answer(&self) -> Vec<u8> {
        self.show()
    }
    /// Takes the value of this canonical text; false if it is not one of this type.
    fn read(&mut self, text: &[u8]) -> bool;
}

fn take<T>(slot: &mut T, value: Option<T>) -> bool {
    value.map(|value| *slot = value).is_some()
}

fn parsed<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

macro_rules! number_slots {
    ($($number:ty),+) => {$(
        impl Slot for $number {
            fn show(&self) -> Vec<u8> {
                self.to_string().into_bytes()
            }
            fn read(&mut self, text: &[u8]) -> bool {
                take(self, parsed(text))
            }
        }
    )+};
}

macro_rules! choice_slots {
    ($($choice:ty),+) => {$(
        impl Slot for $choice {
            fn show(&self) -> Vec<u8> {
                self.name().as_bytes().to_vec()
            }
            fn read(&mut self, text: &[u8]) -> bool {
                take(self, Self::from_name(text))
            }
        }
    )+};
}

number_slots!(u8, u16, u32, u64, i64, usize);
choice_slots!(AppendFsync, DisklessLoad, MaxmemoryPolicy, LogLevel, Supervised, Permission);

impl Slot for bool {
    fn show(&self) -> Vec<u8> {
        if *self { b"yes".to_vec() } else { b"no".to_vec() }
    }
    fn read(&mut self, text: &[u8]) -> bool {
        let value = match text {
            b"yes" => Some(true),
            b"no" => Some(false),
            _ => None,
        };
        take(self, value)
    }
}

impl Slot for String {
    fn show(&self) -> Vec<u8> {
        self.clone().into_bytes()
    }
    fn read(&mut self, text: &[u8]) -> bool {
        take(self, String::from_utf8(text.to_vec()).ok())
    }
}

impl Slot for Vec<String> {
    fn show(&self) -> Vec<u8> {
        self.join(" ").into_bytes()
    }
    fn read(&mut self, text: &[u8]) -> bool {
        let text = std::str::from_utf8(text).ok();
        take(self, text.map(|text| text.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect()))
    }
}

impl Slot for Secret {
    fn show(&self) -> Vec<u8> {
        self.0.clone()
    }
    fn read(&mut self, text: &[u8]) -> bool {
        self.0 = text.to_vec();
        true
    }
}

impl Slot for FileMode {
    fn show(&self) -> Vec<u8> {
        format!("{:o}", self.0).into_bytes()
    }
    fn read(&mut self, text: &[u8]) -> bool {
        let text = std::str::from_utf8(text).unwrap_or("-");
        take(self, u32::from_str_radix(text, 8).ok().map(FileMode))
    }
}

impl Slot for OutputLimits {
    fn show(&self) -> Vec<u8> {
        let class = |name: &str, l: &OutputLimit| {
            format!("{name} {} {} {}", l.hard_bytes, l.soft_bytes, l.soft_seconds)
        };
        let classes =
            [class("normal", &self.normal), class("slave", &self.replica), class("pubsub", &self.pubsub)];
        classes.join(" ").into_bytes()
    }
    fn read(&mut self, text: &[u8]) -> bool {
        take(self, limits(text))
    }
}

impl Slot for KeyspaceEvents {
    fn show(&self) -> Vec<u8> {
        self.letters()
    }
    /// Redis shows no `n` behind an `A`, though it publishes the events.
    fn answer(&self) -> Vec<u8> {
        let letters = self.letters();
        let hides = letters.contains(&b'A');
        letters.into_iter().filter(|letter| !hides || *letter != b'n').collect()
    }
    fn read(&mut self, text: &[u8]) -> bool {
        take(self, KeyspaceEvents::from_letters(text))
    }
}

impl Slot for MemoryShare {
    fn show(&self) -> Vec<u8> {
        match self {
            MemoryShare::Bytes(bytes) => bytes.to_string().into_bytes(),
            MemoryShare::Percent(percent) => format!("{percent}%").into_bytes(),
        }
    }
    fn read(&mut self, text: &[u8]) -> bool {
        let value = match text.strip_suffix(b"%") {
            Some(percent) => parsed(percent).map(MemoryShare::Percent),
            None => parsed(text).map(MemoryShare::Bytes),
        };
        take(self, value)
    }
}

impl Slot for SavePoints {
    fn show(&self) -> Vec<u8> {
        let pairs = self.0.iter().map(|point| format!("{} {}", point.seconds, point.changes));
        pairs.collect::<Vec<_>>().join(" ").into_bytes()
    }
    fn read(&mut self, text: &[u8]) -> bool {
        let words = text.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let Some(numbers) = words.map(parsed).collect::<Option<Vec<u64>>>() else { return false };
        let (pairs, rest) = numbers.as_chunks::<2>();
        let points = pairs.iter().map(|&[seconds, changes]| SavePoint { seconds, changes });
        take(self, rest.is_empty().then(|| SavePoints(points.collect())))
    }
}

impl Slot for Percentiles {
    fn show(&self) -> Vec<u8> {
        self.0.iter().map(f64::to_string).collect::<Vec<_>>().join(" ").into_bytes()
    }
    fn read(&mut self, text: &[u8]) -> bool {
        let words = text.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
        take(self, words.map(parsed).collect::<Option<Vec<f64>>>().map(Percentiles))
    }
}

/// The canonical text always names all three classes, in order.
fn limits(text: &[u8]) -> Option<OutputLimits> {
    let words: Vec<&[u8]> = text.split(|&byte| byte == b' ').collect();
    let limit = |class: &str, words: &[&[u8]]| {
        let numbers = OutputLimit {
            hard_bytes: parsed(words[1])?,
            soft_bytes: parsed(words[2])?,
            soft_seconds: parsed(words[3])?,
        };
        (words[0] == class.as_bytes()).then_some(numbers)
    };
    if words.len() != 12 {
        return None;
    }
    Some(OutputLimits {
        normal: limit("normal", &words[0..4])?,
        replica: limit("slave", &words[4..8])?,
        pubsub: limit("pubsub", &words[8..12])?,
    })
}
