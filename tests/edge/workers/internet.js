// The Internet, as far as the agent's tests need it: each host is a site that does something.

const HTML = "text/html; charset=utf-8";
const bytes = (text) => Uint8Array.from(text, (each) => each.charCodeAt(0));
const page = (body, type = HTML) => new Response(body, { headers: { "content-type": type } });
const moved = (location, status = 302) => new Response("moved", { status, headers: { location } });

// What a name leads to; others have a public address.
const ADDRESSES = {
  "rebound.example": ["127.0.0.1"],
  "half.example": ["93.184.216.34", "10.0.0.7"],
  "six.example": ["fd00::7"],
  "mapped.example": ["::ffff:169.254.169.254"],
  "nowhere.example": [],
};

const ROBOTS = {
  "robots.example": "User-agent: *\nDisallow: /\n\nUser-agent: fiberwise-agent\nDisallow: /no\n",
};

function resolve(url) {
  const name = url.searchParams.get("name");
  const type = url.searchParams.get("type");
  if (name === "broken.example") return Response.json({ Status: 2 });
  const found = (ADDRESSES[name] ?? ["93.184.216.34"])
    .filter((each) => each.includes(":") === (type === "AAAA"))
    .map((data) => ({ name, type: type === "A" ? 1 : 28, TTL: 60, data }));
  const alias = { name, type: 5, TTL: 60, data: "alias.example." };
  return Response.json({ Status: 0, Answer: [alias, ...found] });
}

function endless(chunk, pause) {
  let timer;
  return new ReadableStream({
    async pull(controller) {
      await new Promise((go) => (timer = setTimeout(go, pause)));
      controller.enqueue(chunk);
    },
    cancel: () => clearTimeout(timer),
  });
}

async function echo(request) {
  const { method, url, headers } = request;
  const body = await request.text();
  return Response.json({ method, url, headers: Object.fromEntries(headers), body });
}

const PAGE = `<!doctype html><html lang=en><head><title>A &amp; B
 page</title><base href="/docs/"><meta name=description content="About &quot;it&quot;">
<meta property="og:type" content=article><link rel=canonical href="https://shop.example/canon">
<style>p{}</style><script>var x = "<p>not this</p>";</script></head><body>
<h1>Head<br>line</h1><p>First&nbsp; para <b>bo</b>ld. &lt;tag&gt;</p><noscript>no script</noscript>
<template><p>templated</p><a href="/t">t</a></template><!-- a comment -->
<ul><li>one<li>two</ul><a href="next?a=1&amp;b=2&copy=3" rel="next nofollow">Next <i>page</i></a>
<a href="next?a=1&amp;b=2&copy=3#later">again</a> <a href=#top>top</a> <a href="mailto:a@b.c">m</a>
<a href="javascript:alert(1)">j</a><a href="//other.example/x">o</a><a href="">here</a>
<svg><title>drawing</title></svg></body></html>`;

let crowd = 0; // requests under way at once
let largest = 0;

async function crowded() {
  crowd += 1;
  largest = Math.max(largest, crowd);
  await scheduler.wait(20);
  crowd -= 1;
  return Response.json({ largest });
}

const sites = {
  "crowd.example": crowded,
  "shop.example": () => page(PAGE),
  "win.example": () =>
    page(bytes("<title>\xcf\xf0\xe8\xe2\xe5\xf2</title>"), "text/html; charset=windows-1251"),
  "sjis.example": () =>
    page(bytes('<meta charset="Shift_JIS"><title>\x83e\x83X\x83g</title>'), "text/html"),
  "wide.example": () =>
    page(bytes("\xff\xfe<\0t\0i\0t\0l\0e\0>\0z\x01<\0/\0t\0i\0t\0l\0e\0>\0"), "text/html"),
  "unknown.example": () => page("<title>ünknown</title>", "text/html; charset=klingon"),
  "plain.example": () => page("just\r\ntext", "text/plain"),
  "robots.example": () => page("<title>read</title>"),
  "picture.example": () => page(bytes("\x89PNG\r\n\x1a\n\0\0\0"), "image/png"),
  "liar.example": () => page(bytes("\x89PNG\r\n\x1a\n\0\0\0"), "text/html"),
  "untyped.example": () => new Response(bytes(" <!DOCTYPE html><title>untyped</title>")),
  "json.example": (url) => page(url.pathname === "/bad" ? "{" : '{"a": [1]}', "application/json"),
  "deep.example": () => page("[".repeat(200_000), "application/json"),
  "endless.example": () => page(endless(bytes("<p>again and again ".repeat(500)), 0)),
  "drip.example": () => page(endless(bytes("."), 100)),
  "slow.example": () => new Promise((go) => setTimeout(() => go(page("late")), 5_000)),
  "repeat.example": (url) => {
    const [first, again] = [url.searchParams.get("first") ?? "", url.searchParams.get("again")];
    return page(first + again.repeat((1 << 20) / again.length));
  },
  "broken-html.example": () => page('<title>ok</title><p <<<>< a="<b></b'),
  "cookies.example": () =>
    new Response("ok", {
      headers: [
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
        ["x-many", "1"],
        ["x-many", "2"],
      ],
    }),
  "bomb.example": () => {
    const zeros = new ReadableStream({
      start(controller) {
        for (let each = 0; each < 64; each++) controller.enqueue(new Uint8Array(1 << 20).fill(32));
        controller.close();
      },
    });
    const headers = { "content-type": "text/html", "content-encoding": "gzip" };
    const body = zeros.pipeThrough(new CompressionStream("gzip"));
    return new Response(body, { headers, encodeBody: "manual" });
  },
  "lost.example": () => {
    throw new Error("a secret of the other side");
  },
  "loop.example": (url) => moved(`/${url.pathname.length}${url.pathname}`),
  "hops.example": (url) =>
    url.pathname === "/5"
      ? page("<title>there</title>")
      : moved(`/${Number(url.pathname.slice(1)) + 1}`),
  "to.example": (url) =>
    moved(decodeURIComponent(url.search.slice(1)), Number(url.pathname.slice(1))),
  "status.example": (url) =>
    new Response("said <no>", {
      status: Number(url.pathname.slice(1)),
      headers: { "content-type": "text/html", "retry-after": "7" },
    }),
  "echo.example": (url, request) => echo(request),
  "xn--strae-oqa.example": () => page("<title>a street</title>"),
  "back.example": (url, request) => echo(request),
  "dns.example": resolve,
  "localhost:9000": () => page("<title>named</title>"),
};

const calls = {};

export default {
  async fetch(request) {
    const url = new URL(request.url);
    if (url.host === "calls.example") return Response.json(calls);
    if (url.pathname === "/robots.txt") {
      const text = ROBOTS[url.host];
      return new Response(text, { status: text ? 200 : 404 });
    }
    calls[url.host] = (calls[url.host] ?? 0) + 1;
    const site = sites[url.host];
    if (!site) throw new Error(`no site ${url.host}`);
    return site(url, request);
  },
};
