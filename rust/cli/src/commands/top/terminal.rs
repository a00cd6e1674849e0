//! The terminal: its own screen, keys without Enter, and everything as before at the end.

use crate::failure::Failure;
use rustix::termios::{self, LocalModes, OptionalActions, SpecialCodeIndex, Termios};
use std::io::{self, IsTerminal, Stdout, Write};
use std::thread;
use tokio::sync::mpsc;

pub(super) const CTRL_C: u8 = 3;

/// A screen of our own, no cursor; and back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// Goes to the corner; each line then clears what was behind it, so that nothing flickers.
const HOME: &str = "\u{1b}[H";
const CLEAR_LINE: &str = "\u{1b}[K";
const CLEAR_BELOW: &str = "\u{1b}[J";

/// The terminal that the command was typed in. Dropping it gives it back as it was.
pub(super) struct Terminal {
    before: Termios,
}

impl Terminal {
    /// `None` when there is none.
    pub(super) fn open() -> Result<Option<Self>, Failure> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Ok(None);
        }
        let before = termios::tcgetattr(io::stdin()).map_err(io::Error::from)?;
        let mut ours = before.clone();
        // Keys come at once and are not shown. Ctrl-C comes as a key, since a signal would end us
        // on the other screen.
        ours.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        ours.special_codes[SpecialCodeIndex::VMIN] = 1;
        ours.special_codes[SpecialCodeIndex::VTIME] = 0;
        termios::tcsetattr(io::stdin(), OptionalActions::Now, &ours).map_err(io::Error::from)?;
        let terminal = Terminal { before };
        write(ENTER)?;
        Ok(Some(terminal))
    }

    /// Columns and lines.
    pub(super) fn size(&self) -> (usize, usize) {
        match termios::tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (usize::from(size.ws_col), usize::from(size.ws_row))
            }
            _ => (80, 24),
        }
    }

    pub(super) fn draw(&mut self, text: &str) -> Result<(), Failure> {
        let lines = text.replace('\n', &format!("{CLEAR_LINE}\r\n"));
        write(&format!("{HOME}{lines}{CLEAR_LINE}{CLEAR_BELOW}"))?;
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Nothing better can be done when the terminal is gone.
        drop(write(LEAVE));
        drop(
            termios::tcsetattr(io::stdin(), OptionalActions::Now, &self.before)
                .map_err(io::Error::from),
        );
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out: Stdout = io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Keys as they are typed. They are waited for on a thread of its own, which ends with the process:
/// nothing can take a read of a terminal back.
pub(super) fn keys() -> mpsc::Receiver<u8> {
    let (sender, receiver) = mpsc::channel(16);
    thread::spawn(move || {
        let mut key = [0];
        // Not through `Stdin`, which would keep what it read ahead.
        while let Ok(1) = rustix::io::retry_on_intr(|| rustix::io::read(io::stdin(), &mut key)) {
            if sender.blocking_send(key[0]).is_err() {
                return;
            }
        }
    });
    receiver
}
