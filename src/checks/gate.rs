//! Lets so many in at once; the number may change while some are inside.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

#[derive(Default)]
pub(super) struct Gate {
    inside: AtomicUsize,
    left: Notify,
}

/// One who is inside, for as long as it lives.
pub(super) struct Passage<'a>(&'a Gate);

impl Gate {
    /// Waits until fewer than `limit` are inside.
    ///
    /// # Cancel safety
    /// Dropping the future gives the place in the line to the next.
    pub(super) async fn enter(&self, limit: impl Fn() -> usize) -> Passage<'_> {
        loop {
            let left = self.left.notified();
            let is_in = self
                .inside
                .fetch_update(Ordering::AcqRel, Ordering::Acquire, |inside| (inside < limit()).then_some(inside + 1));
            if is_in.is_ok() {
                // Where the limit has grown there is room for more than the one who was woken.
                self.left.notify_one();
                return Passage(self);
            }
            left.await;
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        self.0.inside.fetch_sub(1, Ordering::AcqRel);
        self.0.left.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt as _;
    use tokio::task::JoinSet;

    use super::*;

    #[tokio::test]
    async fn never_more_than_the_limit_are_inside_and_all_get_in() {
        let (gate, most) = (Arc::new(Gate::default()), Arc::new(AtomicUsize::new(0)));
        let limit = Arc::new(AtomicUsize::new(2));
        let mut all = JoinSet::new();
        for n in 0..50 {
            let (gate, most, limit) = (Arc::clone(&gate), Arc::clone(&most), Arc::clone(&limit));
            all.spawn(async move {
                let _passage = gate.enter(|| limit.load(Ordering::Relaxed)).await;
                most.fetch_max(gate.inside.load(Ordering::Relaxed), Ordering::Relaxed);
                tokio::task::yield_now().await;
                if n == 20 {
                    assert_eq!(most.load(Ordering::Relaxed), 2);
                    limit.store(5, Ordering::Relaxed);
                }
                tokio::task::yield_now().await;
            });
        }
        while let Some(done) = all.join_next().await {
            done.unwrap();
        }
        assert_eq!(gate.inside.load(Ordering::Relaxed), 0);
        assert_eq!(most.load(Ordering::Relaxed), 5);
    }

    #[tokio::test]
    async fn who_gives_up_waiting_keeps_nobody_out() {
        let (gate, one) = (Gate::default(), || 1);
        let inside = gate.enter(one).await;
        let mut first = Box::pin(gate.enter(one));
        let mut second = Box::pin(gate.enter(one));
        assert!((&mut first).now_or_never().is_none());
        assert!((&mut second).now_or_never().is_none());
        drop(inside);
        drop(first);
        drop(second.await);
    }
}
