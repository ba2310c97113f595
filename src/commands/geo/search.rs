//! Places within a shape: GEOSEARCH and its elders.

use super::cell::{Cell, Place};
use super::places::{place, place_of};
use super::shape::Shape;
use super::{BASE, answer_distance, answer_place, unit};
use crate::commands::sorted_set::{limits_of, store};
use crate::engine::command::{Begin, Command, Find, Flag, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::{SortedSet, SortedSetRef};
use crate::protocol::reply::Reply;
use crate::text::number::parse_i64;
use crate::text::parse_f64;
use crate::types::sorted_set::Cut;

const SEARCH: Command =
    Command { complexity: "O(N + log M) with N of M members in the cells around", ..BASE };

pub(super) const GEOSEARCH: Command = Command {
    name: "geosearch",
    arity: -7,
    since: "6.2.0",
    summary: "Returns the members within a circle, a box or a polygon.",
    syntax: "key [FROMMEMBER member | FROMLONLAT longitude latitude] <<BYRADIUS radius> <M | KM | FT | MI> | \
             <BYBOX width> height <M | KM | FT | MI> | <BYPOLYGON vertices> longitude latitude [longitude latitude ...]> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]",
    handler: |call| search(call, Form::Search),
    ..SEARCH
};

pub(super) const GEOSEARCHSTORE: Command = Command {
    name: "geosearchstore",
    arity: -8,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["OW", "update"]), KeySpec::one(2, &["RO", "access"])],
    since: "6.2.0",
    summary: "Stores the members within a circle, a box or a polygon at a key.",
    syntax: "destination source [FROMMEMBER member | FROMLONLAT longitude latitude] <<BYRADIUS radius> <M | KM | FT | MI> | \
             <BYBOX width> height <M | KM | FT | MI> | <BYPOLYGON vertices> longitude latitude [longitude latitude ...]> [ASC | DESC] [COUNT count [ANY]] [STOREDIST]",
    handler: |call| search(call, Form::SearchStore),
    ..SEARCH
};

/// Where GEORADIUS keeps its answer; `from`: the first argument that may be a word.
const fn stored(word: &'static str, from: i32) -> KeySpec {
    KeySpec {
        flags: &["OW", "update"],
        begin: Begin::Keyword(word, from),
        find: Find::Range { last: 0, step: 1, limit: 0 },
        notes: "",
    }
}

pub(super) const GEORADIUS: Command = Command {
    name: "georadius",
    arity: -6,
    flags: &[Flag::Write, Flag::DenyOom, Flag::MovableKeys],
    keys: &[KeySpec::one(1, &["RO", "access"]), stored("STORE", 6), stored("STOREDIST", 6)],
    summary: "Returns or stores the members within a circle around a place.",
    syntax: "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
             [ASC | DESC] [STORE key | STOREDIST key]",
    handler: |call| search(call, Form::Radius),
    ..SEARCH
};

pub(super) const GEORADIUS_RO: Command = Command {
    name: "georadius_ro",
    arity: -6,
    since: "3.2.10",
    summary: "Returns the members within a circle around a place.",
    syntax: "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] \
             [ASC | DESC]",
    handler: |call| search(call, Form::RadiusReadOnly),
    ..SEARCH
};

pub(super) const GEORADIUSBYMEMBER: Command = Command {
    name: "georadiusbymember",
    arity: -5,
    flags: &[Flag::Write, Flag::DenyOom, Flag::MovableKeys],
    keys: &[KeySpec::one(1, &["RO", "access"]), stored("STORE", 5), stored("STOREDIST", 5)],
    summary: "Returns or stores the members within a circle around a member.",
    syntax: "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC] \
             [STORE key | STOREDIST key]",
    handler: |call| search(call, Form::Member),
    ..SEARCH
};

pub(super) const GEORADIUSBYMEMBER_RO: Command = Command {
    name: "georadiusbymember_ro",
    arity: -5,
    since: "3.2.10",
    summary: "Returns the members within a circle around a member.",
    syntax: "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] [ASC | DESC]",
    handler: |call| search(call, Form::MemberReadOnly),
    ..SEARCH
};

/// Which of the commands it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Search,
    SearchStore,
    Radius,
    RadiusReadOnly,
    Member,
    MemberReadOnly,
}

impl Form {
    /// The argument of the key that is searched.
    fn source(self) -> usize {
        if self == Form::SearchStore { 2 } else { 1 }
    }

    fn is_search(self) -> bool {
        matches!(self, Form::Search | Form::SearchStore)
    }

    /// Whether STORE and STOREDIST with a key are among its options.
    fn may_store(self) -> bool {
        matches!(self, Form::Radius | Form::Member)
    }
}

const NOT_DECODED: Failure = Failure::fixed("ERR could not decode requested zset member");

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Ascending,
    Descending,
}

/// Where the search begins, as far as it is known.
#[derive(Clone, Copy, PartialEq)]
enum Origin {
    Unsaid,
    At(Place),
    /// A member of a key that is not there: the request is looked through all the same.
    Nowhere,
}

/// How large the shape is, in metres.
enum Extent {
    Unsaid,
    Radius(f64),
    Box(f64, f64),
    Polygon(Vec<Place>),
}

/// A request as it is read.
struct Query {
    origin: Origin,
    extent: Extent,
    /// The unit of the request's lengths, in metres.
    metres: f64,
    with_distance: bool,
    with_hash: bool,
    with_place: bool,
    count: usize,
    any: bool,
    order: Option<Order>,
    /// The argument of the key to store at, and whether distances are the scores.
    store_at: Option<usize>,
    store_distances: bool,
}

impl Query {
    fn parse(call: &mut Call<'_>, form: Form) -> Result<Query, Failure> {
        let mut query = Query {
            origin: Origin::Unsaid,
            extent: Extent::Unsaid,
            metres: 1.0,
            with_distance: false,
            with_hash: false,
            with_place: false,
            count: 0,
            any: false,
            order: None,
            store_at: (form == Form::SearchStore).then_some(1),
            store_distances: false,
        };
        let mut i = query.take_fixed(call, form)?;
        while i < call.len() {
            i += query.take(call, i, form)?;
        }
        query.check(call, form)?;
        Ok(query)
    }

    /// Takes what stands at fixed places; tells the argument behind it.
    fn take_fixed(&mut self, call: &mut Call<'_>, form: Form) -> Result<usize, Failure> {
        let key = call.key(form.source());
        let there = call.read_as::<SortedSet>(&key)?.0.is_some();
        match form {
            Form::Search => Ok(2),
            Form::SearchStore => Ok(3),
            Form::Radius | Form::RadiusReadOnly => {
                self.origin = Origin::At(place(call, 2)?);
                self.take_radius(call, 4)?;
                Ok(6)
            }
            Form::Member | Form::MemberReadOnly => {
                // As in Redis, nobody looks at the radius where there is nothing to search.
                self.origin = Origin::Nowhere;
                if there {
                    self.origin = self.member(call, form, 2)?;
                    self.take_radius(call, 3)?;
                }
                Ok(5)
            }
        }
    }

    /// The place of the member in an argument.
    fn member(&self, call: &mut Call<'_>, form: Form, i: usize) -> Result<Origin, Failure> {
        let (key, member) = (call.key(form.source()), call.arg(i));
        let (set, _) = call.read_as::<SortedSet>(&key)?;
        match set {
            Some(_) => place_of(set, member).map(Origin::At).ok_or(NOT_DECODED),
            None => Ok(Origin::Nowhere),
        }
    }

    fn take_radius(&mut self, call: &Call<'_>, i: usize) -> Result<(), Failure> {
        let radius = parse_f64(call.arg(i)).ok_or(Failure::fixed("ERR need numeric radius"))?;
        if radius < 0.0 {
            return Err(Failure::fixed("ERR radius cannot be negative"));
        }
        self.metres = unit(call.arg(i + 1))?;
        self.extent = Extent::Radius(radius * self.metres);
        Ok(())
    }

    fn take_box(&mut self, call: &Call<'_>, i: usize) -> Result<(), Failure> {
        let width = parse_f64(call.arg(i)).ok_or(Failure::fixed("ERR need numeric width"))?;
        let height = parse_f64(call.arg(i + 1)).ok_or(Failure::fixed("ERR need numeric height"))?;
        if width < 0.0 || height < 0.0 {
            return Err(Failure::fixed("ERR height or width cannot be negative"));
        }
        self.metres = unit(call.arg(i + 2))?;
        self.extent = Extent::Box(width * self.metres, height * self.metres);
        Ok(())
    }

    /// Takes the corners of a polygon, whose number stands at argument `i`; tells how many arguments that were.
    fn take_polygon(&mut self, call: &Call<'_>, i: usize) -> Result<usize, Failure> {
        let number = parse_i64(call.arg(i)).ok_or(Failure::fixed("ERR invalid number of vertices"))?;
        let corners = usize::try_from(number).ok().filter(|corners| *corners <= (call.len() - i - 1) / 2);
        let Some(corners) = corners.filter(|corners| *corners >= 3) else {
            return Err(Failure::fixed("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices"));
        };
        let corners = (0..corners).map(|n| place(call, i + 1 + 2 * n)).collect::<Result<Vec<_>, _>>()?;
        let taken = 1 + 2 * corners.len();
        self.extent = Extent::Polygon(corners);
        Ok(taken)
    }

    /// Takes the option at argument `i`; tells how many arguments that were.
    fn take(&mut self, call: &mut Call<'_>, i: usize, form: Form) -> Result<usize, Failure> {
        let left = call.len() - i - 1;
        match () {
            () if call.arg_is(i, "withdist") => self.with_distance = true,
            () if call.arg_is(i, "withhash") => self.with_hash = true,
            () if call.arg_is(i, "withcoord") => self.with_place = true,
            () if call.arg_is(i, "any") => self.any = true,
            () if call.arg_is(i, "asc") => self.order = Some(Order::Ascending),
            () if call.arg_is(i, "desc") => self.order = Some(Order::Descending),
            () if call.arg_is(i, "count") && left >= 1 => {
                let count = call.integer(i + 1)?;
                let count = usize::try_from(count).ok().filter(|count| *count > 0);
                self.count = count.ok_or(Failure::fixed("ERR COUNT must be > 0"))?;
                return Ok(2);
            }
            () if form.may_store() && left >= 1 && call.arg_is(i, "store") => {
                (self.store_at, self.store_distances) = (Some(i + 1), false);
                return Ok(2);
            }
            () if form.may_store() && left >= 1 && call.arg_is(i, "storedist") => {
                (self.store_at, self.store_distances) = (Some(i + 1), true);
                return Ok(2);
            }
            () if form == Form::SearchStore && call.arg_is(i, "storedist") => self.store_distances = true,
            () if form.is_search() => return self.take_shape(call, i, form),
            () => return Err(Failure::SYNTAX),
        }
        Ok(1)
    }

    /// Takes one of the options that only GEOSEARCH has.
    fn take_shape(&mut self, call: &mut Call<'_>, i: usize, form: Form) -> Result<usize, Failure> {
        let left = call.len() - i - 1;
        let is_round = matches!(self.extent, Extent::Unsaid | Extent::Radius(_));
        let is_square = matches!(self.extent, Extent::Unsaid | Extent::Box(..));
        let is_free =
            matches!(self.extent, Extent::Unsaid | Extent::Polygon(_)) && self.origin == Origin::Unsaid;
        let has_polygon = matches!(self.extent, Extent::Polygon(_));
        match () {
            () if left >= 1
                && !has_polygon
                && self.origin == Origin::Unsaid
                && call.arg_is(i, "frommember") =>
            {
                self.origin = self.member(call, form, i + 1)?;
                Ok(2)
            }
            () if left >= 2
                && !has_polygon
                && self.origin == Origin::Unsaid
                && call.arg_is(i, "fromlonlat") =>
            {
                self.origin = Origin::At(place(call, i + 1)?);
                Ok(3)
            }
            () if left >= 2 && is_round && call.arg_is(i, "byradius") => {
                self.take_radius(call, i + 1)?;
                Ok(3)
            }
            () if left >= 3 && is_square && call.arg_is(i, "bybox") => {
                self.take_box(call, i + 1)?;
                Ok(4)
            }
            () if left >= 2 && is_free && call.arg_is(i, "bypolygon") => {
                Ok(1 + self.take_polygon(call, i + 1)?)
            }
            () => Err(Failure::SYNTAX),
        }
    }

    /// Whether what was said makes a search.
    fn check(&self, call: &Call<'_>, form: Form) -> Result<(), Failure> {
        if self.store_at.is_some() && (self.with_distance || self.with_hash || self.with_place) {
            let what = if form.is_search() { "GEOSEARCHSTORE" } else { "STORE option in GEORADIUS" };
            return Err(Failure::new(format!(
                "ERR {what} is not compatible with WITHDIST, WITHHASH and WITHCOORD options"
            )));
        }
        let command = String::from_utf8_lossy(call.arg(0));
        let has_polygon = matches!(self.extent, Extent::Polygon(_));
        if form.is_search() && self.origin == Origin::Unsaid && !has_polygon {
            return Err(Failure::new(format!(
                "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for {command}"
            )));
        }
        if form.is_search() && matches!(self.extent, Extent::Unsaid) {
            return Err(Failure::new(format!(
                "ERR exactly one of BYRADIUS and BYBOX can be specified for {command}"
            )));
        }
        if self.any && self.count == 0 {
            return Err(Failure::fixed("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }

    /// The shape, unless the search begins nowhere.
    fn shape(&mut self) -> Option<Shape> {
        let extent = std::mem::replace(&mut self.extent, Extent::Unsaid);
        match (extent, self.origin) {
            (Extent::Polygon(corners), _) => Some(Shape::polygon(corners)),
            (Extent::Radius(radius), Origin::At(centre)) => Some(Shape::Circle { centre, radius }),
            (Extent::Box(width, height), Origin::At(centre)) => Some(Shape::Box { centre, width, height }),
            _ => None,
        }
    }
}

/// A member that was found.
struct Found {
    member: Vec<u8>,
    score: f64,
    /// From the centre, in the unit of the request.
    distance: f64,
}

fn search(call: &mut Call<'_>, form: Form) -> Result<(), Failure> {
    let mut query = Query::parse(call, form)?;
    let key = call.key(form.source());
    let (set, shape) = (call.peek(&key).0.and_then(|entry| sorted_set(entry.value())), query.shape());
    let mut found = match (set, shape) {
        (Some(set), Some(shape)) => find(set, &shape, &query),
        _ => Vec::new(),
    };
    let order = query.order.or((query.count > 0 && !query.any).then_some(Order::Ascending));
    match order {
        Some(Order::Ascending) => found.sort_by(|a, b| a.distance.total_cmp(&b.distance)),
        Some(Order::Descending) => found.sort_by(|a, b| b.distance.total_cmp(&a.distance)),
        None => {}
    }
    if query.count > 0 {
        found.truncate(query.count);
    }
    match query.store_at {
        Some(i) => keep(call, i, form, &found, query.store_distances),
        None => answer(&mut call.reply, &found, &query),
    }
    Ok(())
}

fn sorted_set(value: crate::keyspace::Value<'_>) -> Option<SortedSetRef<'_>> {
    match value {
        crate::keyspace::Value::Object(crate::keyspace::ObjectRef::SortedSet(set)) => Some(set),
        _ => None,
    }
}

/// Looks through the cells of a shape; with ANY no longer than there are enough.
fn find(set: SortedSetRef<'_>, shape: &Shape, query: &Query) -> Vec<Found> {
    let enough = if query.any { query.count } else { usize::MAX };
    let (mut found, mut digits) = (Vec::new(), itoa::Buffer::new());
    for cell in shape.cells() {
        let scores = cell.scores();
        let first = set.rank(Cut::Score { score: scores.start, after: false });
        for element in set.elements(first..usize::MAX, false) {
            if element.score >= scores.end || found.len() >= enough {
                break;
            }
            let place = Cell::of_score(element.score).centre();
            if let Some(distance) = shape.distance_within(place) {
                let member = element.member.text(&mut digits).to_vec();
                found.push(Found { member, score: element.score, distance: distance / query.metres });
            }
        }
    }
    found
}

fn answer(reply: &mut Reply<'_>, found: &[Found], query: &Query) {
    let extras = [query.with_distance, query.with_hash, query.with_place];
    let extras = extras.into_iter().filter(|extra| *extra).count();
    reply.array(found.len());
    for found in found {
        if extras > 0 {
            reply.array(1 + extras);
        }
        reply.bulk(&found.member);
        if query.with_distance {
            answer_distance(reply, found.distance);
        }
        if query.with_hash {
            reply.integer(found.score as i64);
        }
        if query.with_place {
            answer_place(reply, Cell::of_score(found.score).centre());
        }
    }
}

/// Stores what was found at the key in argument `i`.
fn keep(call: &mut Call<'_>, i: usize, form: Form, found: &[Found], distances: bool) {
    let limits = limits_of(call);
    let mut set = SortedSet::default();
    set.expect(found.len(), &limits);
    for found in found {
        set.set(&found.member, if distances { found.distance } else { found.score }, &limits);
    }
    let (key, event) = (call.key(i), if form.is_search() { "geosearchstore" } else { "georadiusstore" });
    store(call, &key, set, event);
}
