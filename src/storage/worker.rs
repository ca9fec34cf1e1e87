//! Threads that own connections, and the bounded queue before them.
//!
//! Knows no SQL. Several threads of one worker share its queue.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

use super::Error;

/// Long enough for a burst of an admin's requests; whoever finds it full is better told so than kept waiting.
const QUEUE_LEN: usize = 256;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

enum Message {
    Run(Job),
    /// Ends the thread that takes it.
    Stop,
}

#[derive(Clone)]
pub(super) struct Worker {
    queue: mpsc::Sender<Message>,
    threads: Arc<Mutex<Vec<Running>>>,
}

struct Running {
    thread: JoinHandle<()>,
    /// Resolves when the thread is at its end: joining it then does not block.
    ended: oneshot::Receiver<()>,
}

impl Worker {
    /// One thread for each connection.
    pub(super) fn start(name: &'static str, connections: Vec<Connection>) -> io::Result<Self> {
        let (queue, messages) = mpsc::channel(QUEUE_LEN);
        let messages = Arc::new(Mutex::new(messages));
        let mut threads = Vec::with_capacity(connections.len());
        for connection in connections {
            let messages = Arc::clone(&messages);
            let (end, ended) = oneshot::channel();
            let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
                serve(name, connection, &messages);
                drop(end);
            })?;
            threads.push(Running { thread, ended });
        }
        Ok(Self { queue, threads: Arc::new(Mutex::new(threads)) })
    }

    /// Queues `work` and waits for its result. The work is done even if the caller vanishes.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let slot = self.queue.try_reserve().map_err(|error| match error {
            TrySendError::Full(()) => Error::Busy,
            TrySendError::Closed(()) => Error::Stopped,
        })?;
        send(slot, work).await
    }

    /// As [`Self::run`], but waits for its place in the queue: for the last thing that is done, and for questions that a
    /// long queue does not answer.
    pub(super) async fn run_last<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let slot = self.queue.reserve().await.map_err(|_| Error::Stopped)?;
        send(slot, work).await
    }

    /// How much waits for a thread.
    pub(super) fn queued(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Waits until what was queued before is done and every thread has closed its connection.
    pub(super) async fn stop(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        for _ in &threads {
            // Fails only when no thread is left, which is what is wanted.
            drop(self.queue.send(Message::Stop).await);
        }
        for Running { thread, ended } in threads {
            drop(ended.await);
            drop(thread.join());
        }
    }
}

async fn send<T: Send + 'static>(
    slot: mpsc::Permit<'_, Message>,
    work: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let (reply, answer) = oneshot::channel();
    slot.send(Message::Run(Box::new(move |connection| drop(reply.send(work(connection))))));
    answer.await.unwrap_or(Err(Error::Stopped))
}

fn serve(name: &'static str, mut connection: Connection, messages: &Mutex<mpsc::Receiver<Message>>) {
    loop {
        // The lock is held while waiting: the next thread in line waits for it instead of for the message.
        let message = messages.lock().blocking_recv();
        let Some(Message::Run(job)) = message else { break };
        // A panic must not end the thread: the transaction it was in has been rolled back by its drop.
        if catch_unwind(AssertUnwindSafe(|| job(&mut connection))).is_err() {
            tracing::error!(thread = name, "work on the database panicked");
        }
    }
}
