#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ollama_api_pool::fuzzing::request_view(data));
