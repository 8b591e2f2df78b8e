//! The line that closes a backup: how long the database before it is, its SHA-256, and, where that was asked for, the
//! secret key. SQLite reads a file as far as its header says and no further, so that the copy is a database as well.
//!
//! It owns the form of that line. It never decides what to do with a file whose line is wrong.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
};

use sha2::{Digest as _, Sha256};

use crate::seal::SECRET_KEY_BYTES;

/// How the line begins; a later form gets another number.
const FORM: &str = "opsknight-backup 1 ";
/// What stands where no key does.
const NO_KEY: &str = "-";
/// Longest line, in bytes: the form, a number, a key and a sum.
const LINE_BYTES_MAX: u64 = 256;
/// How much of a file is read at once, in bytes.
const PIECE_BYTES: usize = 1 << 16;

/// What the line says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Closing {
    /// How long the database before it is, in bytes.
    pub(super) bytes: u64,
    /// The secret key.
    pub(super) key: Option<[u8; SECRET_KEY_BYTES]>,
    /// The sum of the database and of what the line says, in hexadecimal.
    sum: String,
}

impl fmt::Debug for Closing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Closing")
            .field("bytes", &self.bytes)
            .field("has_key", &self.key.is_some())
            .finish_non_exhaustive()
    }
}

/// Adds the line to a whole database, and waits until all of it is on the disk.
pub(super) fn close(file: &mut File, key: Option<[u8; SECRET_KEY_BYTES]>) -> io::Result<()> {
    let bytes = file.metadata()?.len();
    let said = said(bytes, key);
    let sum = sum(file, bytes, &said)?;
    file.seek(SeekFrom::Start(bytes))?;
    writeln!(file, "{said} {sum}")?;
    file.sync_all()
}

/// The line of a file, if its end has the form of one.
pub(super) fn read(file: &mut File) -> io::Result<Option<Closing>> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(LINE_BYTES_MAX);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    file.take(LINE_BYTES_MAX).read_to_end(&mut end)?;
    let found = end
        .windows(FORM.len())
        .rposition(|piece| piece == FORM.as_bytes())
        .and_then(|at| {
            let line = std::str::from_utf8(&end[at..]).ok()?;
            let closing = parse(line)?;
            (from + at as u64 == closing.bytes).then_some(closing)
        });
    Ok(found)
}

fn parse(line: &str) -> Option<Closing> {
    let mut words = line.strip_prefix(FORM)?.strip_suffix('\n')?.split(' ');
    let (bytes, key, sum, None) = (words.next()?, words.next()?, words.next()?, words.next()) else {
        return None;
    };
    Some(Closing {
        bytes: bytes.parse().ok()?,
        key: if key == NO_KEY { None } else { Some(unhex(key)?) },
        sum: sum.to_owned(),
    })
}

impl Closing {
    /// Whether the file is what it was when the line was written.
    pub(super) fn holds(&self, file: &mut File) -> io::Result<bool> {
        Ok(sum(file, self.bytes, &said(self.bytes, self.key))? == self.sum)
    }
}

/// The line without its sum.
fn said(bytes: u64, key: Option<[u8; SECRET_KEY_BYTES]>) -> String {
    let key = key.map_or_else(|| NO_KEY.to_owned(), hex::encode);
    format!("{FORM}{bytes} {key}")
}

fn sum(file: &mut File, bytes: u64, said: &str) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut hash = Sha256::new();
    let mut rest = file.take(bytes);
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match rest.read(&mut piece)? {
            0 => break,
            n => hash.update(&piece[..n]),
        }
    }
    hash.update(said.as_bytes());
    Ok(hex::encode(hash.finalize()))
}

fn unhex(text: &str) -> Option<[u8; SECRET_KEY_BYTES]> {
    let mut key = [0; SECRET_KEY_BYTES];
    hex::decode_to_slice(text, &mut key).ok()?;
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(key: Option<[u8; 32]>) -> (tempfile::NamedTempFile, Vec<u8>) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&[7; 100_000]).unwrap();
        close(file.as_file_mut(), key).unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        (file, bytes)
    }

    fn holds(file: &mut File) -> bool {
        read(file).unwrap().is_some_and(|closing| closing.holds(file).unwrap())
    }

    #[test]
    fn the_line_is_read_back_and_every_changed_byte_shows() {
        for key in [None, Some([9; 32])] {
            let (mut file, bytes) = closed(key);
            let found = read(file.as_file_mut()).unwrap().unwrap();
            assert_eq!((found.bytes, found.key), (100_000, key));
            assert!(!format!("{found:?}").contains("0909"), "the key is not shown");
            let ends = (99_900..bytes.len()).chain([0, 1, 50_000]);
            for at in ends {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                std::fs::write(file.path(), &changed).unwrap();
                assert!(!holds(&mut File::open(file.path()).unwrap()), "byte {at}");
            }
            for cut in 1..300 {
                std::fs::write(file.path(), &bytes[..bytes.len() - cut]).unwrap();
                assert!(!holds(&mut File::open(file.path()).unwrap()), "cut by {cut}");
            }
        }
    }
}
