//! What is written: whatever a message says, each medium gets well-formed text of ours with the message in it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opsknight_fuzz::letter::Letter;

fuzz_target!(|letter: Letter| letter.check());
