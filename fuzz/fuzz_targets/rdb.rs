//! Bytes that claim to be a dump file, fed in two pieces: refused or read to the end, and the same as in one piece. Nothing that a length
//! claims is kept beyond what was fed. The checksum is not looked at, so that changes go deeper.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seawall::config::Config;
use seawall::dump::{Limits, Loaded};
use seawall::persistence::rdb::{Broken, Check, Loader, Part};
use seawall::types::HashKey;

fn limits() -> Limits {
    let mut config = Config::default();
    (config.hash_max_listpack_entries, config.zset_max_listpack_entries) = (4, 4);
    (config.set_max_listpack_entries, config.set_max_intset_entries) = (4, 4);
    Limits::of(&config, HashKey::new(1, 2))
}

/// Takes values apart in steps; how many parts there were.
fn read(loader: &mut Loader) -> Result<usize, Broken> {
    let mut parts = 0;
    while let Some(part) = loader.next()? {
        parts += 1;
        if let Part::Entry { value: Loaded::Object(mut object), .. } = part {
            use seawall::types::Payload;
            while !object.dismantle(2) {}
        }
    }
    Ok(parts)
}

/// Parts and position, or what is wrong.
fn fed(pieces: [&[u8]; 2]) -> Result<(usize, u64), Broken> {
    let bytes = (pieces[0].len() + pieces[1].len()) as u64;
    let (mut loader, mut parts) = (Loader::new(limits(), bytes, false), 0);
    for piece in pieces {
        loader.feed(piece);
        parts += read(&mut loader)?;
        assert!(loader.rest().len() as u64 <= bytes);
    }
    loader.finish();
    Ok((parts + read(&mut loader)?, loader.position()))
}

fuzz_target!(|data: &[u8]| {
    let Some((cut, file)) = data.split_first() else { return };
    let cut = usize::from(*cut).min(file.len());
    let whole = fed([file, &[]]);
    assert_eq!(fed([&file[..cut], &file[cut..]]), whole);
    let mut check = Check::new(limits(), file.len() as u64, 0);
    check.feed(file);
    assert!(check.finish().is_sound() <= whole.is_ok(), "a check looks at the checksum as well");
});
