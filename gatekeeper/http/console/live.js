// Tells a page when something about approvals has happened: by the event stream, and by looking again where there is none.

import {fill, h} from "./dom.js";

const LOOK_LIVE_MS = 30000; // in case a connection is dead and nobody has said so
const LOOK_ALONE_MS = 3000;
const AGAIN_MS = 15000; // after the stream was refused

const words = {
  live: "Live",
  connecting: "Connecting…",
  lost: "Connection lost: trying again",
  alone: "Not live: looking every 3 seconds",
};

/** Calls look() now, at each news and now and then.  Gives the line that says how it stands, and what ends it. */
export function follow(look) {
  const line = h("p", {class: "hint", role: "status", "data-live": ""});
  let source = null, timer = null, again = null, ended = false;

  function say(state) {
    if (line.dataset.live === state) return;
    line.dataset.live = state;
    fill(line, words[state]);
    clearInterval(timer);
    timer = setInterval(look, state === "live" ? LOOK_LIVE_MS : LOOK_ALONE_MS);
  }

  function open() {
    if (ended || document.hidden) return;
    source = new EventSource("/v1/events/stream?only=approvals");
    source.addEventListener("open", () => {
      say("live");
      look();
    });
    source.addEventListener("approvals", look);
    source.addEventListener("end", look); // whoever is signed out learns it there
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) {
        say("lost"); // the browser comes back by itself, with the id that it saw last
        return;
      }
      say("alone");
      clearTimeout(again);
      again = setTimeout(open, AGAIN_MS);
    });
  }

  /** Browsers keep few connections to one server: a page that nobody sees leaves them to others. */
  function turn() {
    source?.close();
    clearTimeout(again);
    if (document.hidden) {
      clearInterval(timer);
      line.dataset.live = "";
      return;
    }
    say("connecting");
    look();
    open();
  }

  document.addEventListener("visibilitychange", turn);
  turn();
  return {
    line,
    end() {
      ended = true;
      document.removeEventListener("visibilitychange", turn);
      clearInterval(timer);
      clearTimeout(again);
      source?.close();
    },
  };
}
