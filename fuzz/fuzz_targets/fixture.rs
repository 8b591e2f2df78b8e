//! A fixture with its values changed, moved, repeated and taken out: random bytes seldom come past the reading of JSON,
//! and these reach what each source makes of its fields.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opsknight_fuzz::edit::Edited;

fuzz_target!(|edited: Edited| edited.0.check());
