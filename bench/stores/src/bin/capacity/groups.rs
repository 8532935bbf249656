//! How evenly the 256 groups of sessions lie on the masters of a cluster, where each master has
//! a part of the slots in one piece.

/// The groups that `store-redis` has on a cluster.
const GROUPS: usize = 256;

/// The slots of a cluster.
const SLOTS: usize = 16_384;

/// The first slot of a master.
pub(crate) const fn first_slot(master: usize, masters: usize) -> usize {
    master * SLOTS / masters
}

/// Prints what the fullest master has, for clusters of many sizes.
pub(crate) fn print() {
    println!("| masters | groups on the fullest | in the mean | more than the mean |");
    println!("|---|---|---|---|");
    for masters in [
        1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 256,
    ] {
        let fullest = fullest(masters);
        let mean = GROUPS as f64 / masters as f64;
        let more = (fullest as f64 / mean - 1.0) * 100.0;
        println!("| {masters} | {fullest} | {mean:.1} | {more:.0} % |");
    }
}

/// Prints slots for each of as many masters, so that they have as many groups each as can be: what
/// to give to `CLUSTER ADDSLOTSRANGE`, or to move.
pub(crate) fn print_even(masters: usize) {
    let mut slots: Vec<usize> = (0..GROUPS).map(slot).collect();
    slots.sort_unstable();
    println!("| master | slots | groups |");
    println!("|---|---|---|");
    let mut first = 0;
    for master in 1..=masters {
        // Up to where the next one has its first group.
        let next = slots.get(master * GROUPS / masters).copied();
        let end = next.filter(|_| master < masters).unwrap_or(SLOTS);
        let groups = slots.iter().filter(|slot| (first..end).contains(*slot));
        println!(
            "| {master} | {first}-{} | {} |",
            end.saturating_sub(1),
            groups.count()
        );
        first = end;
    }
}

fn slot(group: usize) -> usize {
    usize::from(crc16(format!("g{group:02x}").as_bytes())) % SLOTS
}

fn fullest(masters: usize) -> usize {
    let mut counts = vec![0; masters];
    for group in 0..GROUPS {
        let slot = slot(group);
        let master = (1..masters).find(|next| slot < first_slot(*next, masters));
        counts[master.unwrap_or(masters) - 1] += 1;
    }
    counts.into_iter().max().unwrap_or_default()
}

/// The checksum by which a cluster spreads keys over slots (CRC-16/XMODEM).
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ (u16::from(*byte) << 8), |sum, _| {
            let shifted = sum << 1;
            if sum & 0x8000 == 0 {
                shifted
            } else {
                shifted ^ 0x1021
            }
        })
    })
}
