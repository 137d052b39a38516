use std::{
    fs::File,
    io::{self, Read, Write},
};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use wisp_core::{Code, Error, Result};

/// Uncompresses an archive into a file, within a limit; returns the digest of what was written.
///
/// Told by its first bytes: gzip, zstd, or neither.
pub fn expand(archive: impl Read, into: &mut File, limit: u64) -> Result<String> {
    let mut archive = io::BufReader::with_capacity(64 << 10, archive);
    let mut first = [0; 4];
    let known = read_most(&mut archive, &mut first).map_err(damaged)?;
    let whole = io::Cursor::new(first[..known].to_vec()).chain(archive);
    match first {
        [0x1f, 0x8b, ..] => copy(MultiGzDecoder::new(whole), into, limit),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let zstd = ruzstd::decoding::StreamingDecoder::new(whole);
            copy(zstd.map_err(|error| damaged(io::Error::other(error)))?, into, limit)
        }
        _ => copy(whole, into, limit),
    }
}

/// Fills as much of a buffer as there is.
fn read_most(mut from: impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

fn copy(mut from: impl Read, into: &mut File, limit: u64) -> Result<String> {
    let (mut digest, mut written, mut buffer) = (Sha256::new(), 0, vec![0; 128 << 10]);
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(damaged(error)),
        };
        written += count as u64;
        if written > limit {
            return Err(too_large(limit));
        }
        digest.update(&buffer[..count]);
        into.write_all(&buffer[..count]).map_err(storage)?;
    }
    Ok(data_encoding::HEXLOWER.encode(&digest.finalize()))
}

fn too_large(limit: u64) -> Error {
    Error::new(
        Code::TooLarge,
        format!("A layer or archive of the image has more than {limit} bytes, uncompressed."),
    )
    .with("setting", "images.layer_size, images.image_size")
}

fn damaged(error: io::Error) -> Error {
    Error::bad_request(format!("The image is damaged: {error}.")).because(error)
}

/// Space for an image is missing, or cannot be used.
pub fn storage(error: io::Error) -> Error {
    Error::new(Code::Storage, format!("The image cannot be stored: {error}.")).because(error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use flate2::{Compression, write::GzEncoder};

    fn expanded(archive: &[u8], limit: u64) -> Result<(Vec<u8>, String)> {
        let mut file = tempfile::tempfile().unwrap();
        let digest = expand(archive, &mut file, limit)?;
        let mut text = Vec::new();
        io::Seek::rewind(&mut file).unwrap();
        file.read_to_end(&mut text).unwrap();
        Ok((text, digest))
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn what_is_compressed_is_told_by_its_first_bytes() {
        let zstd = ruzstd::encoding::compress_to_vec(&b"hello"[..], ruzstd::encoding::CompressionLevel::Fastest);
        let digest = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        for archive in [b"hello".to_vec(), gzip(b"hello"), zstd] {
            assert_eq!(expanded(&archive, 5).unwrap(), (b"hello".to_vec(), digest.to_owned()));
        }
        assert_eq!(expanded(b"x", 5).unwrap().0, b"x");
    }

    #[test]
    fn a_bomb_is_not_expanded() {
        let bomb = gzip(&vec![0; 1 << 20]);
        assert!(bomb.len() < 2000);
        assert_eq!(expanded(&bomb, (1 << 20) - 1).unwrap_err().code(), Code::TooLarge);
        assert_eq!(expanded(&bomb[..100], 1 << 20).unwrap_err().code(), Code::BadRequest);
    }
}
