#![no_main]

// A panic that is caught (a parser's, by the loader) is no finding. One that is not still ends the run.
libfuzzer_sys::fuzz_target!(init: drop(std::panic::take_hook()), |data: &[u8]| noren::scenario::condition::fuzz::conditions(data));
