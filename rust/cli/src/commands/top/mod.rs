//! `spillway top`: the state on one screen, drawn anew in place.

mod frame;
mod terminal;

use super::read;
use crate::arguments::Top;
use crate::client::{Client, block_on};
use crate::failure::{Code, Failure};
use crate::output::{has_colours, plain, print};
use crate::times::now_ms;
use frame::Frame;
use spillway_runtime::view::View;
use terminal::Terminal;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

/// Size of what `--once` draws.
const ONCE: (usize, usize) = (80, 24);

pub(super) fn top(top: &Top) -> Result<Code, Failure> {
    let client = Client::new(&top.connection)?;
    if top.once {
        let view = block_on(view(&client))?;
        print(frame(&view, &client, ONCE).text().trim_end())?;
        return Ok(Code::Ok);
    }
    let Some(mut terminal) = Terminal::open()? else {
        return Err(Failure::usage(
            "top needs a terminal; see `spillway top --once` and `spillway status`",
        ));
    };
    block_on(watch(top, &client, &mut terminal))
}

async fn view(client: &Client) -> Result<View, Failure> {
    read(&client.get("status", &[]).await?)
}

/// Draws until q, Ctrl-C or a signal.
async fn watch(top: &Top, client: &Client, terminal: &mut Terminal) -> Result<Code, Failure> {
    let mut keys = terminal::keys();
    let mut resized = signal(SignalKind::window_change())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    let mut ticks = interval(top.interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shown: Option<View> = None;
    let mut problem = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => match view(client).await {
                Ok(view) => (shown, problem) = (Some(view), None),
                // The last state stays on the screen, with its age and what is wrong.
                Err(failure) => problem = Some(failure.to_string()),
            },
            _ = resized.recv() => {}
            _ = terminated.recv() => return Ok(Code::Ok),
            _ = hung_up.recv() => return Ok(Code::Ok),
            key = keys.recv() => match key {
                // No more keys: the terminal is gone.
                Some(b'q' | b'Q' | terminal::CTRL_C) | None => return Ok(Code::Ok),
                Some(_) => continue,
            },
        }
        let size = terminal.size();
        let text = match (&shown, &problem) {
            (Some(view), None) => frame(view, client, size).text(),
            (Some(view), Some(problem)) => frame(view, client, size).with_problem(problem).text(),
            (None, Some(problem)) => plain(problem),
            (None, None) => continue,
        };
        terminal.draw(&text)?;
    }
}

fn frame(view: &View, client: &Client, size: (usize, usize)) -> Frame {
    Frame::of(view, client.url(), now_ms(), size, has_colours())
}
