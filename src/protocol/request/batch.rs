//! Where the arguments of parsed requests lie, and requests as views of that.

use std::ops::Index;

/// A batch that has grown beyond this many entries gives the memory back when it is cleared.
const ENTRIES_KEPT_MAX: usize = 16 * 1024;

/// One argument's place in the bytes that hold it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) length: usize,
}

/// One request of a batch.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// Its arguments are `places[first..end]`.
    first: usize,
    end: usize,
    /// Its size on the wire.
    wire_bytes: usize,
    /// Where the input goes on behind it.
    input_end: usize,
    /// Whether the places are in the batch's own bytes, not in the input.
    inline: bool,
}

/// Requests that were parsed together, in order. Valid for the one input that they were parsed from.
#[derive(Default, Debug)]
pub struct Batch {
    requests: Vec<Shape>,
    pub(super) places: Vec<Place>,
    /// Arguments of inline requests, without their quotes.
    pub(super) unquoted: Vec<u8>,
}

impl Batch {
    /// How many requests there are.
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }

    /// Forgets the requests; keeps a usual amount of memory for the next ones.
    pub fn clear(&mut self) {
        self.requests.clear();
        self.places.clear();
        self.unquoted.clear();
        if self.places.capacity() > ENTRIES_KEPT_MAX {
            self.places.shrink_to(ENTRIES_KEPT_MAX);
        }
        if self.unquoted.capacity() > ENTRIES_KEPT_MAX {
            self.unquoted.shrink_to(ENTRIES_KEPT_MAX);
        }
    }

    /// The `index`th request; `input` is what was given to the parser.
    ///
    /// # Panics
    /// If there are not so many requests.
    #[inline]
    pub fn request<'a>(&'a self, index: usize, input: &'a [u8]) -> Request<'a> {
        let shape = &self.requests[index];
        Request {
            places: &self.places[shape.first..shape.end],
            bytes: if shape.inline { &self.unquoted } else { input },
            wire_bytes: shape.wire_bytes,
        }
    }

    /// All requests in order; `input` is what was given to the parser.
    pub fn iter<'a>(&'a self, input: &'a [u8]) -> impl ExactSizeIterator<Item = Request<'a>> {
        (0..self.len()).map(move |index| self.request(index, input))
    }

    /// Where in the input the `index`th request begins (or the blank lines before it do).
    pub fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.end(before))
    }

    /// Where in the input the `index`th request ends.
    pub fn end(&self, index: usize) -> usize {
        self.requests[index].input_end
    }

    /// Adds the place in the input of a request's next argument: for who reads requests from elsewhere than a client.
    #[inline]
    pub fn push_argument(&mut self, start: usize, length: usize) {
        self.places.push(Place { start, length });
    }

    /// Makes a request of the last `count` arguments that were added, at least one; it takes up `span` of the input.
    #[inline]
    pub fn push_request(&mut self, count: usize, span: std::ops::Range<usize>) {
        debug_assert!(count > 0, "a request has a name");
        let end = self.places.len();
        let first = end.saturating_sub(count);
        let (wire_bytes, input_end) = (span.len(), span.end);
        self.requests.push(Shape { first, end, wire_bytes, input_end, inline: false });
    }

    /// Forgets the first `requests`, and the first `bytes` of the input with them: what is left lies that much further ahead.
    pub fn drop_front(&mut self, requests: usize, bytes: usize) {
        let places = requests.checked_sub(1).map_or(0, |last| self.requests[last].end);
        self.requests.drain(..requests);
        self.places.drain(..places);
        for shape in &mut self.requests {
            shape.first -= places;
            shape.end -= places;
            shape.input_end -= bytes;
        }
        for place in &mut self.places {
            place.start -= bytes;
        }
    }

    /// Notes where the `index`th request ends, if it has been found.
    #[inline]
    pub(super) fn set_end(&mut self, index: usize, input_end: usize) {
        if let Some(shape) = self.requests.get_mut(index) {
            shape.input_end = input_end;
        }
    }

    /// Makes a request of the places from `first` on.
    #[inline]
    pub(super) fn finish(&mut self, first: usize, wire_bytes: usize, inline: bool) {
        self.requests.push(Shape { first, end: self.places.len(), wire_bytes, input_end: 0, inline });
    }
}

/// A request: its arguments, the command's name first. At least one argument.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    places: &'a [Place],
    bytes: &'a [u8],
    wire_bytes: usize,
}

impl<'a> Request<'a> {
    /// How many arguments there are, the name included; at least one.
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// The command's name as it was sent, in any case.
    #[inline]
    pub fn name(&self) -> &'a [u8] {
        self.arg(0)
    }

    /// An argument; 0 is the name.
    ///
    /// # Panics
    /// If there are not so many arguments.
    #[inline]
    pub fn arg(&self, index: usize) -> &'a [u8] {
        slice(self.bytes, self.places[index])
    }

    /// An argument, if there is one at `index`.
    #[inline]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.places.get(index).map(|place| slice(self.bytes, *place))
    }

    /// All arguments, the name first.
    #[inline]
    pub fn iter(&self) -> Arguments<'a> {
        Arguments { places: self.places.iter(), bytes: self.bytes }
    }

    /// The arguments from `first` on; none if there are not so many.
    #[inline]
    pub fn iter_from(&self, first: usize) -> Arguments<'a> {
        Arguments { places: self.places.get(first..).unwrap_or_default().iter(), bytes: self.bytes }
    }

    /// Size on the wire, in bytes.
    #[inline]
    pub fn bytes(&self) -> usize {
        self.wire_bytes
    }

    /// A copy that outlives the input buffer.
    pub fn to_owned(&self) -> OwnedRequest {
        let mut owned = OwnedRequest::with_capacity(self.len(), self.places.iter().map(|p| p.length).sum());
        self.iter().for_each(|argument| owned.push(argument));
        owned.wire_bytes = self.wire_bytes;
        owned
    }
}

impl Index<usize> for Request<'_> {
    type Output = [u8];

    #[inline]
    fn index(&self, index: usize) -> &[u8] {
        self.arg(index)
    }
}

impl<'a> IntoIterator for Request<'a> {
    type Item = &'a [u8];
    type IntoIter = Arguments<'a>;

    fn into_iter(self) -> Arguments<'a> {
        self.iter()
    }
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_list()
            .entries(self.iter().map(|argument| argument.escape_ascii().to_string()))
            .finish()
    }
}

/// Arguments in order.
#[derive(Clone, Debug)]
pub struct Arguments<'a> {
    places: std::slice::Iter<'a, Place>,
    bytes: &'a [u8],
}

impl<'a> Iterator for Arguments<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.places.next().map(|place| slice(self.bytes, *place))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.places.size_hint()
    }
}

impl DoubleEndedIterator for Arguments<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.places.next_back().map(|place| slice(self.bytes, *place))
    }
}

impl ExactSizeIterator for Arguments<'_> {}

#[inline]
fn slice(bytes: &[u8], place: Place) -> &[u8] {
    &bytes[place.start..place.start + place.length]
}

/// A request that holds its own arguments: queued in a transaction, called by a script, rewritten for propagation.
#[derive(Clone, Default, Debug)]
pub struct OwnedRequest {
    places: Vec<Place>,
    bytes: Vec<u8>,
    wire_bytes: usize,
}

impl OwnedRequest {
    /// No arguments yet, and room for some.
    pub fn with_capacity(arguments: usize, bytes: usize) -> OwnedRequest {
        OwnedRequest {
            places: Vec::with_capacity(arguments),
            bytes: Vec::with_capacity(bytes),
            wire_bytes: 0,
        }
    }

    /// Adds an argument at the end; the first is the command's name.
    pub fn push(&mut self, argument: &[u8]) {
        self.places.push(Place { start: self.bytes.len(), length: argument.len() });
        self.bytes.extend_from_slice(argument);
    }

    /// Takes all arguments away, and keeps their memory for others.
    pub fn clear(&mut self) {
        self.places.clear();
        self.bytes.clear();
        self.wire_bytes = 0;
    }

    /// How many arguments there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All arguments in order; there may be none.
    pub fn words(&self) -> Arguments<'_> {
        Arguments { places: self.places.iter(), bytes: &self.bytes }
    }

    /// The request, once it has a name. Its size on the wire is that of the request it was copied from, or 0.
    ///
    /// # Panics
    /// If no argument was pushed.
    pub fn request(&self) -> Request<'_> {
        assert!(!self.places.is_empty(), "a request has a name");
        Request { places: &self.places, bytes: &self.bytes, wire_bytes: self.wire_bytes }
    }

    /// The memory that it holds beyond its own size, in bytes.
    pub fn heap_bytes(&self) -> usize {
        self.places.capacity() * size_of::<Place>() + self.bytes.capacity()
    }
}

impl<A: AsRef<[u8]>> FromIterator<A> for OwnedRequest {
    fn from_iter<I: IntoIterator<Item = A>>(arguments: I) -> OwnedRequest {
        let mut owned = OwnedRequest::default();
        arguments.into_iter().for_each(|argument| owned.push(argument.as_ref()));
        owned
    }
}
