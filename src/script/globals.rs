//! Whether a compiled chunk assigns to global names.
//!
//! Globals stand behind an empty table that refuses writing, which costs each reading of one a detour. A chunk that has no
//! instruction that assigns to a global cannot write them, so it may be given them directly. The instructions are read from
//! what `string.dump` returns; that is our own Lua's, so its layout is known (`lundump.c` of Lua 5.1), and whatever is not
//! understood counts as assigning.

/// The instruction that assigns to a global.
const SET_GLOBAL: u32 = 7;
/// An instruction's number is in its lowest bits.
const OPCODE_BITS: u32 = 0x3f;
/// Before the main function: signature, version, format, byte order, sizes of the basic types.
const HEADER: [u8; 12] = [0x1b, b'L', b'u', b'a', 0x51, 0, 1, 4, 8, 4, 8, 0];

/// Whether the chunk assigns to a global, or may do so.
pub(super) fn assigns(dumped: &[u8]) -> bool {
    let Some(rest) = dumped.strip_prefix(&HEADER) else { return true };
    Reader { rest }.function().unwrap_or(true)
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    fn int(&mut self) -> Option<usize> {
        self.bytes(4)?.try_into().ok().map(|bytes| u32::from_le_bytes(bytes) as usize)
    }

    fn skip_string(&mut self) -> Option<()> {
        let length = u64::from_le_bytes(self.bytes(8)?.try_into().ok()?);
        self.bytes(usize::try_from(length).ok()?).map(drop)
    }

    /// Reads a function and those within it.
    fn function(&mut self) -> Option<bool> {
        self.skip_string()?;
        // Where it stands (two numbers), upvalues, parameters, variable arguments, stack.
        self.bytes(2 * 4 + 4)?;
        let count = self.int()?;
        let code = self.bytes(count.checked_mul(4)?)?;
        let opcodes =
            code.chunks_exact(4).map(|i| u32::from_le_bytes([i[0], i[1], i[2], i[3]]) & OPCODE_BITS);
        let mut found = opcodes.into_iter().any(|opcode| opcode == SET_GLOBAL);
        for _ in 0..self.int()? {
            self.skip_constant()?;
        }
        for _ in 0..self.int()? {
            found |= self.function()?;
        }
        self.skip_names()?;
        Some(found)
    }

    fn skip_constant(&mut self) -> Option<()> {
        match self.bytes(1)?[0] {
            0 => Some(()),
            1 => self.bytes(1).map(drop),
            3 => self.bytes(8).map(drop),
            4 => self.skip_string(),
            _ => None,
        }
    }

    /// Lines, local variables and upvalues.
    fn skip_names(&mut self) -> Option<()> {
        let lines = self.int()?;
        self.bytes(lines.checked_mul(4)?)?;
        for _ in 0..self.int()? {
            self.skip_string()?;
            self.bytes(2 * 4)?;
        }
        for _ in 0..self.int()? {
            self.skip_string()?;
        }
        Some(())
    }
}
