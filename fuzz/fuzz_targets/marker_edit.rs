#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| kubectl_imgpolicy::fuzzing::marker_edit(input));
