//! Addresses that people and browsers give: what is taken leads to the outside, and is read by everybody alike.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opsknight_fuzz::outside::Address;

fuzz_target!(|address: Address| address.check());
