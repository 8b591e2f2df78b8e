//! Any request to any source: nothing panics, and whatever is understood can be kept.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opsknight_fuzz::Call;

fuzz_target!(|call: Call| call.check());
