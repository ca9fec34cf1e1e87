//! The ways in which the same bytes may arrive.

/// Up to here every byte may also come alone; longer texts are given a piece at a time only, for the time it takes.
const LONGEST_IN_BYTES: usize = 8 * 1024;

/// The bytes in several sorts of pieces, some of them empty, and not in one.
pub(super) fn cuts(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    // CR and LF of one line end are where it matters most.
    let mut ways = vec![bytes.split_inclusive(|byte| *byte == b'\r').collect::<Vec<_>>()];
    let longest = if bytes.len() <= LONGEST_IN_BYTES {
        ways.push(bytes.chunks(1).collect());
        [3, 40]
    } else {
        [5_000, 200_000]
    };
    let hash = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let mut seed = bytes.iter().fold(0xcbf2_9ce4_8422_2325, hash) | 1;
    for longest in longest {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(below(&mut seed, longest + 1).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        ways.push(pieces);
    }
    ways
}

/// A number that looks random, from a seed that is not zero.
fn below(seed: &mut u64, limit: usize) -> usize {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    usize::try_from(*seed >> 33).unwrap_or_default() % limit
}
