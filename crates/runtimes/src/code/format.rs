/// What code given as bytes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A zip archive.
    Zip,
    /// A tar archive, compressed with gzip.
    TarGz,
    /// An ELF program, a script that names its interpreter, or WebAssembly.
    Program,
}

impl Format {
    /// Told by the first bytes; none for anything else.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Some(Self::Zip),
            [0x1f, 0x8b, ..] => Some(Self::TarGz),
            [0x7f, b'E', b'L', b'F', ..] | [b'#', b'!', ..] | [0, b'a', b's', b'm', ..] => Some(Self::Program),
            _ => None,
        }
    }
}
