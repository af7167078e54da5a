"use strict";
/* Charts: one function a kind, data from data-src, colours from the stylesheet's tokens. Redrawn when the theme changes. */
{
    const probe = document.body.appendChild(document.createElement("i"));
    probe.hidden = true;
    const token = (name) => {
        probe.style.color = `var(--${name})`; // resolves light-dark()
        return getComputedStyle(probe).color;
    };
    const alpha = (color, a) => color.replace(/^rgb\(/, "rgba(").replace(/\)$/, `, ${a})`);
    const isPhone = () => window.innerWidth < 760;
    const NAMES = ["body-fg", "body-bg", "body-quiet-color", "hairline-color", "border-color", "pos", "neg", "s1", "s2"];
    const theme = () => Object.fromEntries(NAMES.map((name) => [name, token(name)]));

    const axis = (t, text, extra = {}) => ({
        gridcolor: t["hairline-color"], linecolor: t["border-color"], zerolinecolor: t["border-color"], zerolinewidth: 1,
        ticks: "", automargin: true, ...(text && {title: {text, font: {size: 11.5, color: t["body-quiet-color"]}, standoff: 8}}), ...extra,
    });
    const layout = (t, extra) => ({
        font: {family: getComputedStyle(document.body).fontFamily, size: 11.5, color: t["body-quiet-color"]},
        paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, separators: ".,",
        hoverlabel: {bgcolor: t["body-bg"], bordercolor: t["border-color"], font: {color: t["body-fg"], size: 12}}, ...extra,
    });

    // Decimals of percent that tell the ticks of these values apart.
    const percents = (values) => {
        const span = Math.max(...values, 0) - Math.min(...values, 0);
        return `.${span > 0 ? Math.min(6, Math.max(0, Math.ceil(-Math.log10(span * 25)))) : 0}%`;
    };

    const charts = {
        /* Equity over drawdown on one time axis; the drawdown is a ratio, or money when no starting balance is known. */
        equity(t, data, el) {
            const x = data.time.map((ms) => new Date(ms).toISOString());
            const isRelative = el.dataset.relative === "1";
            const ends = [x[0], x[x.length - 1]];
            const isFlat = data.drawdown.every((one) => !one);
            return [[
                {type: "scatter", mode: "lines", x, y: data.equity, line: {color: t.s1, width: 2, shape: "hv"}, hovertemplate: "%{y:,.2f}<extra>equity</extra>"},
                {type: "scatter", mode: "lines", x, y: data.drawdown, yaxis: "y2", fill: "tozeroy", fillcolor: alpha(t.neg, 0.22),
                    line: {color: t.neg, width: 1.2, shape: "hv"}, hovertemplate: `%{y:${isRelative ? ".3~%" : ",.2f"}}<extra>drawdown</extra>`},
            ], layout(t, {
                hovermode: "x unified", margin: {l: 60, r: 14, t: 12, b: 30},
                xaxis: axis(t, "", {showgrid: false, anchor: "y2", type: "date", range: ends, showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "solid", spikecolor: t["border-color"], nticks: isPhone() ? 4 : 8}),
                yaxis: axis(t, "equity", {domain: [0.32, 1], tickformat: ",", nticks: 6}),
                yaxis2: axis(t, "drawdown", {domain: [0, 0.24], tickformat: isRelative ? percents(data.drawdown) : ",", nticks: 4, ...(isFlat && {range: [-1, 0], tickvals: [0]})}),
            })];
        },
        /* Results of single trades: losses and profits by colour and by side of zero, their mean as a dotted line. */
        trades(t, data) {
            const isPercent = data.unit === "percent";
            const x = data.counts.map((_, i) => (data.edges[i] + data.edges[i + 1]) / 2);
            const width = data.counts.map((_, i) => data.edges[i + 1] - data.edges[i]);
            const format = isPercent ? ".3~%" : ",.4~g";
            const note = data.mean === null ? [] : [{x: data.mean, y: 1, yref: "paper", text: "mean", showarrow: false, xanchor: "left", xshift: 6, yanchor: "top", font: {color: t["body-fg"]}}];
            return [[
                {type: "bar", x, y: data.counts, width, marker: {color: x.map((v) => (v < 0 ? t.neg : t.pos)), line: {color: t["body-bg"], width: 1}}, hovertemplate: `%{x:${format}}: %{y:,} trades<extra></extra>`},
            ], layout(t, {
                margin: {l: 48, r: 14, t: 14, b: 34},
                xaxis: axis(t, "", {showgrid: false, tickformat: isPercent ? percents(x) : ","}), yaxis: axis(t, "trades", {nticks: 5, tickformat: ","}),
                shapes: data.mean === null ? [] : [{type: "line", x0: data.mean, x1: data.mean, y0: 0, y1: 1, yref: "paper", line: {color: t["body-fg"], width: 1.5, dash: "dot"}}],
                annotations: note,
            })];
        },
        /* One point a trade: how long it was held against its result; sides differ by colour and by shape. */
        durations(t, data) {
            const longest = Math.max(...data.ms);
            const [size, unit] = longest > 4 * 864e5 ? [864e5, "days"] : longest > 2 * 36e5 ? [36e5, "hours"] : [6e4, "minutes"];
            const isPercent = data.unit === "percent";
            const part = (side, name, symbol, color) => {
                const pick = data.side.flatMap((one, i) => (one === side ? [i] : []));
                return {type: "scatter", mode: "markers", name, x: pick.map((i) => data.ms[i] / size), y: pick.map((i) => data.result[i]), customdata: pick.map((i) => data.number[i]),
                    marker: {symbol, size: 7, color: alpha(color, 0.6), line: {width: 1, color}}, hovertemplate: `No. %{customdata:,}: %{x:.3~g} ${unit}, %{y:${isPercent ? "+.3~%" : "+,.4~g"}}<extra>${name}</extra>`};
            };
            const parts = [part(1, "long", "circle", t.s1), part(-1, "short", "diamond-open", t.s2), part(0, "side not given", "x-thin", t["body-quiet-color"])];
            return [parts.filter((one) => one.x.length), layout(t, {
                showlegend: true, legend: {orientation: "h", x: 1, xanchor: "right", y: 1.02, yanchor: "bottom", font: {color: t["body-fg"], size: 12}}, margin: {l: 52, r: 14, t: 30, b: 38},
                xaxis: axis(t, `${unit} held`, {showgrid: false, rangemode: "tozero", tickformat: ","}),
                yaxis: axis(t, "result", {rangemode: "tozero", tickformat: isPercent ? percents(data.result) : ",", zerolinewidth: 1.5}),
            })];
        },
    };

    const drawn = new Map();
    const draw = (el, data) => {
        const [traces, frame] = charts[el.dataset.chart](theme(), data, el);
        Plotly.react(el, traces, frame, {responsive: true, displaylogo: false, displayModeBar: false, doubleClick: "reset"});
    };
    const say = (el, text) => {
        const note = Object.assign(document.createElement("div"), {className: "chart-note", textContent: `${text} `});
        const again = Object.assign(document.createElement("button"), {className: "btn", type: "button", textContent: "Try again"});
        again.addEventListener("click", () => { el.replaceChildren(); load(el); });
        note.append(again);
        el.replaceChildren(note);
    };
    const load = async (el) => {
        if (el.dataset.json) {
            const data = JSON.parse(document.getElementById(el.dataset.json).textContent);
            drawn.set(el, data);
            return draw(el, data);
        }
        let answer;
        try {
            answer = await fetch(el.dataset.src, {headers: {Accept: "application/json"}});
        } catch {
            return say(el, "The server was not reached.");
        }
        if (!answer.ok) { return say(el, `The data of this chart cannot be had now (${answer.status}).`); }
        const data = await answer.json();
        drawn.set(el, data);
        return draw(el, data);
    };
    const near = new IntersectionObserver((entries) => {
        for (const entry of entries.filter((one) => one.isIntersecting)) { near.unobserve(entry.target); load(entry.target); }
    }, {rootMargin: "400px"});
    document.querySelectorAll(".chart[data-chart]").forEach((el) => near.observe(el));
    const redraw = () => drawn.forEach((data, el) => draw(el, data));
    new MutationObserver(redraw).observe(document.documentElement, {attributeFilter: ["data-theme"]});
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}
