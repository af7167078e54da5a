"use strict";
/* Small behaviours of the pages. Everything here improves a page that works without it; as parts of a page are replaced
   by htmx, listeners stand on the document and look at what was hit. */
{
    const $ = (selector, root = document) => root.querySelector(selector);
    const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

    // Definitions: on hover and focus; the pointer may move onto the tip; Escape closes it.
    const tip = document.body.appendChild(Object.assign(document.createElement("div"), {id: "tip", role: "tooltip"}));
    tip.setAttribute("popover", "manual");
    let leaving;
    const showTip = (el) => {
        clearTimeout(leaving);
        closeTip();
        tip.textContent = el.dataset.tip;
        tip.showPopover();
        const box = el.getBoundingClientRect();
        const below = box.bottom + 6;
        tip.style.left = `${Math.max(8, Math.min(box.left, innerWidth - tip.offsetWidth - 8))}px`;
        tip.style.top = `${below + tip.offsetHeight > innerHeight ? box.top - tip.offsetHeight - 6 : below}px`;
        el.setAttribute("aria-describedby", "tip");
    };
    const closeTip = () => {
        if (tip.matches(":popover-open")) { tip.hidePopover(); }
        $$("[aria-describedby=tip]").forEach((el) => el.removeAttribute("aria-describedby"));
    };
    const hideTip = () => { leaving = setTimeout(closeTip, 120); };
    const tipped = (event) => (event.target instanceof Element ? event.target.closest("[data-tip]") : null);
    document.addEventListener("mouseover", (event) => {
        if (tip.contains(event.target)) { clearTimeout(leaving); return; }
        const el = tipped(event);
        if (el) { showTip(el); }
    });
    document.addEventListener("mouseout", (event) => { if (tipped(event) || event.target === tip) { hideTip(); } });
    document.addEventListener("focusin", (event) => { const el = tipped(event); if (el && el.matches(":focus-visible")) { showTip(el); } });
    document.addEventListener("focusout", (event) => { if (tipped(event)) { hideTip(); } });

    // Buttons: the filter column on narrow screens, dialogs, copying a hash.
    const toggleFilters = (button) => button.setAttribute("aria-expanded", $("#changelist").classList.toggle("show-filters"));
    document.addEventListener("click", async (event) => {
        const button = event.target instanceof Element ? event.target.closest("button") : null;
        if (!button) { return; }
        if ("toggleFilters" in button.dataset) { toggleFilters(button); }
        if ("keys" in button.dataset) { $("#keys").showModal(); }
        if ("close" in button.dataset) { button.closest("dialog").close(); }
        if ("copy" in button.dataset) {
            await navigator.clipboard.writeText(button.dataset.copy);
            button.textContent = "Copied";
            setTimeout(() => { button.textContent = "Copy"; }, 1500);
        }
    });
    if (navigator.clipboard) { $$("[data-copy]").forEach((button) => { button.hidden = false; }); }

    // Addresses without parameters that say nothing.
    document.addEventListener("htmx:configRequest", (event) => {
        const {parameters, verb} = event.detail;
        if (verb !== "get") { return; }
        for (const name of Object.keys(parameters)) { if (parameters[name] === "") { delete parameters[name]; } }
    });
    // Where something was replaced under the focus, the list takes it, so that the keyboard stays at work.
    document.addEventListener("htmx:afterSettle", () => { row = -1; });

    // A page that cannot be had comes back by itself: it waits, counts down, and doubles the wait up to a minute.
    const waiting = $("[data-retry]");
    if (waiting) {
        const key = `retry:${location.pathname}`;
        const last = Number(sessionStorage.getItem(key)) || 0;
        const total = Math.min(60, Math.max(Number(waiting.dataset.retry) || 5, last * 2));
        sessionStorage.setItem(key, total);
        const start = Date.now();
        waiting.hidden = false;
        const tick = () => {
            const left = total - (Date.now() - start) / 1000;
            $("progress", waiting).value = 1 - left / total;
            $("[data-retry-left]", waiting).textContent = `${Math.max(0, Math.ceil(left))} s`;
            if (left <= 0) { location.reload(); } else { setTimeout(tick, 250); }
        };
        tick();
    } else {
        sessionStorage.removeItem(`retry:${location.pathname}`);
    }

    // Keyboard: single letters, never while typing.
    let row = -1, before = "";
    const go = (step) => {
        const rows = $$("#result_list tbody tr");
        if (!rows.length) { return; }
        row = Math.max(0, Math.min(rows.length - 1, row + step));
        const head = $("th a", rows[row]) ?? $("th", rows[row]);
        if (head.tabIndex < 0) { head.tabIndex = -1; }
        head.focus();
        rows[row].scrollIntoView({block: "nearest"});
    };
    const keys = {
        "/": () => ($("#q")?.offsetParent ? $("#q") : $("#find-text"))?.focus(),
        w: () => $("[data-where]")?.focus(),
        f: () => { const button = $("[data-toggle-filters]"); (button?.offsetParent ? button : $("#changelist-filter a, #changelist-filter input"))?.focus(); },
        j: () => go(1), k: () => go(-1),
        n: () => $("[rel=next]")?.click(), p: () => $("[rel=prev]")?.click(),
        r: () => $("[data-new-runs]:not([hidden])")?.click(),
        t: () => $(".theme-toggle")?.click(),
        "?": () => $("#keys")?.showModal(),
    };
    document.addEventListener("keydown", (event) => {
        if (event.key === "Escape") { closeTip(); }
        if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), textarea, select, dialog *")) { return; }
        if (before === "g" && event.key === "s") { location.assign($("#site-name a").href); }
        before = event.key;
        if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
    });
}
