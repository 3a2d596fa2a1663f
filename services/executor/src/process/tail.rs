//! Reading the output files while the child writes them.

use std::{fs::File, io, os::unix::fs::FileExt as _, time::Duration};

use bytes::Bytes;
use tokio::{sync::watch, time};

use super::folder::Folder;
use crate::backend::{Channel, Logs, Observation, Output};

/// Longest piece in bytes.
const PIECE: usize = 64 * 1024;
/// How long the next look at the files waits: short while output comes, longer when it is quiet.
const ACTIVE: Duration = Duration::from_millis(20);
const QUIET: Duration = Duration::from_millis(200);
/// Unwanted output may take this much space, in bytes.
const DISCARD_ABOVE: u64 = 1024 * 1024;

struct Source {
    channel: Channel,
    file: File,
    position: u64,
}

/// Both output files of an attempt.
pub(crate) struct Tail {
    sources: [Source; 2],
    seen: watch::Receiver<Observation>,
    pause: Duration,
    unwanted: bool,
}

impl Tail {
    pub(crate) fn open(folder: &Folder, seen: watch::Receiver<Observation>) -> io::Result<Self> {
        let open = |channel, path| {
            let mut file = File::options();
            let file = file
                .create(true)
                .truncate(false)
                .read(true)
                .write(true)
                .open(path)?;
            Ok::<_, io::Error>(Source {
                channel,
                file,
                position: 0,
            })
        };
        let sources = [
            open(Channel::Stdout, folder.stdout())?,
            open(Channel::Stderr, folder.stderr())?,
        ];
        Ok(Self {
            sources,
            seen,
            pause: ACTIVE,
            unwanted: false,
        })
    }

    /// What is there. These reads come from the page cache: the child wrote the bytes just now.
    fn read(&mut self) -> io::Result<Option<Output>> {
        for turn in 0..self.sources.len() {
            let source = &mut self.sources[turn];
            if source.file.metadata()?.len() <= source.position {
                continue;
            }
            let mut bytes = vec![0; PIECE];
            let length = source.file.read_at(&mut bytes, source.position)?;
            bytes.truncate(length);
            source.position += length as u64;
            let output = Output {
                channel: source.channel,
                bytes: Bytes::from(bytes),
            };
            // The other one comes first next time, so that neither starves.
            self.sources.swap(0, 1);
            return Ok(Some(output));
        }
        Ok(None)
    }

    /// The child appends, so its next write goes to the new end.
    fn free(&self) -> io::Result<()> {
        for source in &self.sources {
            if source.file.metadata()?.len() > DISCARD_ABOVE {
                source.file.set_len(0)?;
            }
        }
        Ok(())
    }
}

impl Logs for Tail {
    async fn next(&mut self) -> io::Result<Option<Output>> {
        loop {
            // Asked before reading: what is read afterwards is then complete.
            let ended = self.seen.borrow_and_update().has_ended();
            if self.unwanted {
                self.free()?;
            } else if let Some(output) = self.read()? {
                self.pause = ACTIVE;
                return Ok(Some(output));
            }
            if ended {
                return Ok(None);
            }
            if let Ok(Err(_)) = time::timeout(self.pause, self.seen.changed()).await {
                // Nobody watches the attempt any more.
                time::sleep(self.pause).await;
            }
            self.pause = (self.pause * 2).min(QUIET);
        }
    }

    fn discard(&mut self) {
        self.unwanted = true;
    }
}
