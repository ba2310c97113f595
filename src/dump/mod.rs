//! Values in Redis's dump file encoding, both ways: what DUMP and RESTORE carry from server to server, and what dump files are
//! made of.
//!
//! A value is a byte that names its [`Form`], and a body. [`Form::of`] chooses the form for a reader of some version,
//! [`save`] writes the body, [`load`] reads one. Alone it stands with a [`footer`]: version and checksum. Sources of
//! the format: Redis, `rdb.h` and `rdb.c`; Valkey, the same.
//!
//! Guarantees: what we write is read by Redis 7.0 and everything later, unless it says what 7.0 cannot (see [`Form::of`]). Bytes
//! from elsewhere give a whole value or none; they never panic, and take memory in proportion to their length only.

pub mod footer;
mod form;
mod limits;
mod load;
mod reader;
mod save;
mod writer;

pub use form::{Form, VERSION_MIN, VERSION_VALKEY_9, Version};
pub use limits::Limits;
pub use load::{Begun, Building, Loaded, begin, value as load};
pub use reader::{Fault, Reader};
pub use save::{Parts, value as save};
pub use writer::Writer;

use crate::types::Value;

/// A value with its footer, for any server that can read it; long texts compressed if wanted.
pub fn payload(value: Value<'_>, compress: bool) -> Vec<u8> {
    let form = Form::of(value, VERSION_MIN);
    let mut writer = Writer::new(vec![form.code()], compress);
    save(&mut writer, form, value);
    sealed(writer, form)
}

/// A value that was written behind its form's code, with its footer.
pub fn sealed(mut writer: Writer, form: Form) -> Vec<u8> {
    footer::seal(&mut writer.out, form.version());
    writer.out
}

/// The value of a text without its footer; `None` if that is not a value and nothing else.
pub fn value<'a>(body: &'a [u8], limits: &Limits) -> Option<Loaded<'a>> {
    let mut reader = Reader::new(body);
    let form = Form::of_code(reader.byte()?)?;
    let loaded = load(form, &mut reader, limits)?;
    reader.is_at_end().then_some(loaded)
}

#[cfg(test)]
pub(crate) mod tests;
