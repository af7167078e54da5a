"use strict";
/* New runs: follows the session's events and says how many runs were written since the list was loaded. Nothing moves
   by itself: the pill waits to be clicked. The stream is read by fetch, which can say where to go on: from the very
   state that the page shows, and after a pause. A hidden tab closes its stream, as a browser keeps few connections. */
{
    const MOST = 100_000, SAY_EVERY_MS = 5000, DRAW_EVERY_MS = 250, RETRY_MS = 3000, MOST_RETRY_MS = 60_000;
    const $ = (selector) => document.querySelector(selector);
    const later = (ms, signal) => new Promise((done) => {
        setTimeout(done, ms);
        signal.addEventListener("abort", done, {once: true});
    });

    let source = "", since = "", reading = null, isGone = false;
    // configHash -> id of its last event; changes of other kinds likewise, by kind.
    const runs = new Map(), others = new Map();
    let drawing = 0, saying = 0, saidAt = 0, said = "";

    // `ms-number.part`: the last event of an entry has no part.
    const isAfter = (id, other) => {
        const [one, two] = [id, other].map((text) => [...text.split(/[-.]/).map(Number), Infinity]);
        const at = [0, 1, 2].find((place) => one[place] !== two[place]);
        return at !== undefined && one[at] > two[at];
    };
    const label = () => {
        if (isGone) { return "This session was deleted"; }
        if (!runs.size) { return others.size ? "↑ Changes" : ""; }
        const count = `${runs.size.toLocaleString("en")}${runs.size >= MOST ? "+" : ""}`;
        return `↑ ${count} new ${runs.size === 1 ? "run" : "runs"}`;
    };
    const draw = () => {
        drawing = 0;
        const pill = $("[data-new-runs]");
        if (!pill) { return; }
        const text = label();
        pill.textContent = text;
        pill.hidden = !text;
        if (text && text !== said && !saying) {
            saying = setTimeout(say, Math.max(0, saidAt + SAY_EVERY_MS - Date.now()));
        }
    };
    const say = () => {
        saying = 0;
        saidAt = Date.now();
        said = label();
        const place = $("[data-new-runs-said]");
        if (place) { place.textContent = said.replace("↑ ", ""); }
    };
    const drawSoon = () => { drawing ||= setTimeout(draw, DRAW_EVERY_MS); };

    const take = (block) => {
        const field = {};
        for (const line of block.split("\n")) {
            const colon = line.indexOf(": ");
            if (colon > 0) { field[line.slice(0, colon)] = line.slice(colon + 2); }
        }
        since = field.id ?? since;
        if (!field.data) { return; }
        const {configHash} = JSON.parse(field.data);
        if (field.event === "run" && (runs.size < MOST || runs.has(configHash))) { runs.set(configHash, since); }
        if (field.event === "gap") { others.set("gap", since); }
        if (field.event === "deleted" && configHash) { runs.delete(configHash); others.set("deleted", since); }
        if (field.event === "deleted" && !configHash) { isGone = true; }
        drawSoon();
    };
    const read = async (body) => {
        const reader = body.pipeThrough(new TextDecoderStream()).getReader();
        let text = "";
        for (;;) {
            const {done, value} = await reader.read();
            if (done) { return; }
            const blocks = (text + value).split("\n\n");
            text = blocks.pop();
            blocks.forEach(take);
        }
    };
    // One attempt: how long to wait before the next one, or nothing when there is no sense in one.
    const attempt = async (signal, wait) => {
        try {
            const headers = {Accept: "text/event-stream", "Last-Event-ID": since};
            const answer = await fetch(source, {headers, signal, cache: "no-store", redirect: "error"});
            if (answer.ok) {
                await read(answer.body);
                return RETRY_MS;
            }
            if (answer.status === 404) { isGone = true; drawSoon(); }
            if (answer.status !== 429 && answer.status < 500) { return null; }
            return Math.max(wait * 2, 1000 * (Number(answer.headers.get("Retry-After")) || 0));
        } catch (error) {
            if (error.name === "SyntaxError") { throw error; }
            return wait * 2; // aborted, or the network is away
        }
    };
    const follow = async (signal) => {
        let wait = RETRY_MS;
        while (!signal.aborted && !isGone) {
            const next = await attempt(signal, wait);
            if (next === null) { return; }
            wait = Math.min(next, MOST_RETRY_MS);
            if (!signal.aborted && !isGone) { await later(wait, signal); }
        }
    };
    const stop = () => {
        reading?.abort();
        reading = null;
    };
    const resume = () => {
        if (!source || reading || document.hidden) { return; }
        reading = new AbortController();
        follow(reading.signal);
    };
    // What the list in the page shows already is no longer new.
    const begin = () => {
        const place = $("[data-events]");
        if (!place) { return; }
        const shown = place.dataset.since;
        if (source !== place.dataset.events) {
            stop();
            [source, since, isGone] = [place.dataset.events, shown, false];
        }
        for (const found of [runs, others]) {
            for (const [name, id] of found) { if (!isAfter(id, shown)) { found.delete(name); } }
        }
        said = "";
        draw();
        resume();
    };

    document.addEventListener("htmx:afterSettle", begin);
    document.addEventListener("visibilitychange", () => { if (document.hidden) { stop(); } else { resume(); } });
    addEventListener("pagehide", stop);
    addEventListener("pageshow", resume);
    begin();
}
