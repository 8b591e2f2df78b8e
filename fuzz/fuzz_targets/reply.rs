//! What comes back by SMS, Slack, Telegram, WhatsApp and mail: nothing panics, and no signature is guessed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use opsknight_fuzz::outside::Reply;

fuzz_target!(|reply: Reply| reply.check());
