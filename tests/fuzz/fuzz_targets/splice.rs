#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| noren::transform::fuzz::splice(data));
