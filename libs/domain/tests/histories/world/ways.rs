//! What moves between leader and executors, and what happens to executions.

use super::*;

impl World {
    pub(super) fn answer(&mut self, letter: &Letter, reply: &Reply) {
        let Some(executor) = letter.from.map(|index| &mut self.executors[index]) else {
            return;
        };
        if executor.hear(letter, reply)
            && let Report::Claim(execution) = letter.message.report
        {
            let lease = &self.ledger.leases[&execution.token];
            assert!(
                !lease.freed,
                "{execution:?} starts after its slot was freed"
            );
        }
    }

    /// Takes over what the executors sent.
    pub(super) fn collect(&mut self) {
        for executor in &mut self.executors {
            self.letters.extend(executor.sent());
        }
    }

    pub(super) fn publish(&mut self, index: u8, copy: bool) {
        let Some(index) = pick(&self.letters, index) else {
            return;
        };
        let letter = if copy {
            self.letters[index].clone()
        } else {
            self.letters.remove(index)
        };
        let input = Input::Report(Box::new(letter.message.clone()));
        self.store(2, Message::Input(input, Some(letter)));
    }

    pub(super) fn fetch(&mut self, executor: u8, index: u8, keep: bool) {
        let executor = pick(&self.executors, executor).unwrap();
        let executor = &mut self.executors[executor];
        let takes = |at: &usize| executor.takes(&self.run_commands[*at]);
        let ours: Vec<usize> = (0..self.run_commands.len()).filter(takes).collect();
        let Some(chosen) = pick(&ours, index) else {
            return;
        };
        executor.obey(&self.run_commands[ours[chosen]]);
        if !keep {
            self.run_commands.remove(ours[chosen]);
        }
    }

    pub(super) fn end(&mut self, index: u8, how: u8) {
        let live: Vec<Execution> = self.live().collect();
        let Some(index) = pick(&live, index) else {
            return;
        };
        let execution = live[index];
        let end = match how {
            0 | 1 => End::Exited { code: 0 },
            2 => End::Exited { code: 3 },
            3 => End::DeadlineExceeded,
            _ => End::Signaled { signal: 9 },
        };
        if how < 2 {
            self.ledger
                .succeeded
                .insert((execution.run, execution.attempt));
        }
        for executor in &mut self.executors {
            executor.end(execution, end);
        }
    }

    /// Reports that are old, foreign or made up. They go straight to the stream.
    pub(super) fn forge(&mut self, executor: u8, run: u8, kind: u8, twist: u8) {
        let Some(index) = pick(&self.ledger.executions, run) else {
            return;
        };
        let mut execution = self.ledger.executions[index];
        match twist {
            0 => {}
            1 => execution.token += 1,
            2 => execution.token -= 1,
            _ => execution.attempt += 1,
        }
        let forger = ExecutorId::new(Uuid::from_u128(100 + u128::from(executor % 2)));
        let at = self.now;
        let end = if kind.is_multiple_of(2) {
            End::Exited { code: 0 }
        } else {
            End::Lost
        };
        let report = match kind {
            0 if twist > 0 => Report::Claim(execution),
            0 | 1 => Report::Started {
                execution,
                at,
                place: Place::default(),
            },
            _ => Report::Finished {
                execution,
                end,
                at,
                log_bytes: 0,
                detail: None,
            },
        };
        // Who once held the slot repeats itself under another token.
        let holder = self
            .core
            .state()
            .runs
            .get(&execution.run)
            .and_then(|run| run.executor);
        let executor = holder.filter(|_| twist > 0).unwrap_or(forger);
        let message = ReportMessage { executor, report };
        let letter = Letter {
            message: message.clone(),
            from: None,
            incarnation: 0,
        };
        self.store(
            2,
            Message::Input(Input::Report(Box::new(message)), Some(letter)),
        );
    }

    /// Everything on its way arrives once, in order.
    pub(super) fn flow(&mut self) {
        self.collect();
        for letter in std::mem::take(&mut self.letters) {
            let input = Input::Report(Box::new(letter.message.clone()));
            self.store(2, Message::Input(input, Some(letter)));
        }
        for stream in [1, 2, 0] {
            while self.read(stream) {}
        }
        for command in std::mem::take(&mut self.run_commands) {
            match self
                .executors
                .iter_mut()
                .find(|executor| executor.takes(&command))
            {
                Some(executor) => executor.obey(&command),
                None => self.run_commands.push(command),
            }
        }
        self.collect();
    }
}
