//! The corpus of the fuzz targets, and some mutations of it, in plain cargo. `tests/fuzz` goes on
//! from there with libFuzzer.

use crate::data;
use crate::fuzz_targets::{self, Target};
use std::fs;
use std::panic::catch_unwind;

/// Mutations of each target's corpus in one run: a few seconds in all.
const ROUNDS: u32 = 1_000;

/// The same in every run, so that a failure comes again.
const SEED: u64 = 0x5eed_0000_0003;

/// Longest input made, bytes.
const MAX_LENGTH: usize = 16 << 10;

#[test]
fn the_corpus_and_mutations_of_it_are_read_or_refused() {
    for (name, target) in fuzz_targets::ALL {
        let corpus = corpus(name);
        for (file, input) in &corpus {
            run(name, target, input, file);
        }
        let inputs: Vec<&[u8]> = corpus.iter().map(|(_, input)| input.as_slice()).collect();
        let mut chance = Chance(SEED);
        for round in 0..ROUNDS {
            let input = mutation(&inputs, &mut chance);
            run(
                name,
                target,
                &input,
                &format!("seed {SEED:#x}, round {round}"),
            );
        }
    }
}

fn corpus(name: &str) -> Vec<(String, Vec<u8>)> {
    let folder = data::folder().join("fuzz").join(name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let input = fs::read(&path).expect("a file");
            (path.display().to_string(), input)
        })
        .collect();
    files.sort();
    assert!(files.len() >= 3, "{name}: {} files", files.len());
    files
}

fn run(name: &str, target: Target, input: &[u8], origin: &str) {
    let done = catch_unwind(|| target(input));
    assert!(done.is_ok(), "{name}, {origin}: {}", input.escape_ascii());
}

/// One input with up to eight changes: a byte replaced, a stretch removed, doubled, or taken from
/// any input of the corpus.
fn mutation(corpus: &[&[u8]], chance: &mut Chance) -> Vec<u8> {
    let mut input = corpus[chance.below(corpus.len())].to_vec();
    for _ in 0..=chance.below(8) {
        let (from, to) = chance.stretch(input.len());
        match chance.below(4) {
            0 if from < input.len() => input[from] = chance.byte(),
            1 => drop(input.drain(from..to)),
            2 => {
                let again = input[from..to].to_vec();
                input.splice(to..to, again);
            }
            _ => {
                let other = corpus[chance.below(corpus.len())];
                let (begin, end) = chance.stretch(other.len());
                input.splice(from..to, other[begin..end].iter().copied());
            }
        }
        input.truncate(MAX_LENGTH);
    }
    input
}

/// Xorshift, after Marsaglia.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    #[allow(clippy::cast_possible_truncation)]
    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound
    }

    #[allow(clippy::cast_possible_truncation)]
    fn byte(&mut self) -> u8 {
        // Text is broken by its own signs more often than by any byte.
        match self.below(3) {
            0 => b"{}[]\"\\=,:#\n\r\t .+-0"[self.below(18)],
            1 => b' ' + self.below(95) as u8,
            _ => self.below(256) as u8,
        }
    }

    /// Where a short stretch of something that long begins and ends.
    fn stretch(&mut self, length: usize) -> (usize, usize) {
        let from = self.below(length + 1);
        let to = from + self.below((length - from).min(64) + 1);
        (from, to)
    }
}
