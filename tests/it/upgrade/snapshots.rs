//! What an upgrade leaves of before.

use super::old;

#[test]
fn a_snapshot_that_is_restored_brings_the_old_state_back_and_is_upgraded_again() {
    let place = old::place();
    let before = old::rows(&old::database(&place));
    let listed = place.json(&["key", "list"], 0);
    place.done(&["key", "delete", "--all", "--yes"]);
    let [snapshot] = &old::snapshots(&place)[..] else { panic!("one snapshot") };

    let restored = place.json(&["restore", &snapshot.display().to_string(), "--force"], 0);
    assert_eq!(restored["schema"], old::VERSION);
    assert_eq!(old::version(&old::database(&place)), old::VERSION);
    assert_eq!(old::rows(&old::database(&place)), before);

    assert_eq!(place.json(&["key", "list"], 0), listed);
    assert_eq!(old::version(&old::database(&place)), old::CURRENT);
    assert_eq!(old::rows(&old::database(&place)), before);
    assert_eq!(old::snapshots(&place).len(), 2, "of each upgrade");
}
