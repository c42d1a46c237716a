// A small shop in React, rendered here and hydrated in the browser: node server.mjs PORT FOLDER, where FOLDER holds React.
//
//   /root               React owns an element within the page, which is rendered at once
//   /root-streamed      the same in pieces: what is late comes at the end, and scripts put it in its place
//   /document           React owns the whole document
//   /document-streamed  the same in pieces
//
// The late piece of `…-streamed?id=X` is late until the page itself has asked for `/go?id=X`.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { runInThisContext } from 'node:vm';

const [port, folder] = process.argv.slice(2);
const here = import.meta.dirname ?? dirname(new URL(import.meta.url).pathname);
const installed = createRequire(join(folder, 'package.json'));
const React = installed('react');
const { renderToPipeableStream } = installed('react-dom/server');

const source = readFileSync(join(here, 'app.js'), 'utf8');
const style = readFileSync(join(here, 'style.css'));
const { App, Page } = runInThisContext(source)(React);
const waiting = new Map();

// Joins the modules that a browser needs of a package, as a bundler would.
const bundle = () => {
  const modules = new Map();
  const add = (path) => {
    if (modules.has(path)) return;
    const text = readFileSync(path, 'utf8');
    modules.set(path, '');
    const numbered = text.replace(/\brequire\(["']([^"']+)["']\)/g, (_, name) => {
      if (name.includes('.development')) return 'undefined';
      const found = createRequire(path).resolve(name);
      add(found);
      return `require(${JSON.stringify(found)})`;
    });
    modules.set(path, numbered);
  };
  const entries = ['react', 'react-dom/client'].map((name) => installed.resolve(name));
  entries.forEach(add);
  const list = [...modules].map(([path, text]) => `${JSON.stringify(path)}(module, exports, require) {${text}\n}`);
  return `const process = { env: { NODE_ENV: 'production' } };
    const modules = {${list.join(',\n')}};
    const loaded = {};
    const require = (path) => {
      if (!loaded[path]) modules[path]((loaded[path] = { exports: {} }), loaded[path].exports, require);
      return loaded[path].exports;
    };
    const [React, { hydrateRoot }] = ${JSON.stringify(entries)}.map(require);
    const { App, Page } = (${source})(React);`;
};

const parts = bundle();
const client = (whole, streamed) => `(() => {${parts}
  ${streamed ? "fetch('/go' + location.search);" : ''}
  const props = { reviews: ${streamed ? "() => 'Lovely bowl. Came in two days.'" : 'undefined'} };
  const onRecoverableError = (error) => {
    (globalThis.hydrationErrors ??= []).push(String(error));
    console.error(String(error));
  };
  ${whole ? 'hydrateRoot(document, React.createElement(Page, props)' : "hydrateRoot(document.getElementById('root'), React.createElement(App, props)"}, { onRecoverableError });
})();`;

// What suspends until the page has asked for it.
const late = (id) => {
  let there = false;
  const asked = new Promise((resolve) => waiting.set(id, resolve)).then(() => (there = true));
  return () => {
    if (!there) throw asked;
    return 'Lovely bowl. Came in two days.';
  };
};

createServer((request, response) => {
  const url = new URL(request.url, 'http://shop');
  const found = /^\/(client-)?(root|document)(-streamed)?(\.js)?$/.exec(url.pathname);
  const [whole, streamed] = found ? [found[2] === 'document', Boolean(found[3])] : [];
  if (found?.[1]) {
    response.setHeader('Content-Type', 'text/javascript; charset=utf-8');
    response.end(client(whole, streamed));
  } else if (found) {
    const reviews = streamed ? late(url.searchParams.get('id')) : undefined;
    const script = `/client${url.pathname.replace('/', '-')}.js`;
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    if (!whole) {
      response.write(
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
          '<title>A shop in React</title><link rel="stylesheet" href="/style.css"></head><body><div id="root">',
      );
    }
    const stream = renderToPipeableStream(React.createElement(whole ? Page : App, { reviews }), {
      bootstrapScripts: [script],
      onShellReady: () => streamed && stream.pipe(response),
      onAllReady: () => streamed || stream.pipe(response),
      onError: (error) => console.error(error),
    });
    if (!whole) {
      // React ends what it writes to: the page's own end comes before.
      const end = response.end.bind(response);
      response.end = () => end('</div></body></html>');
    }
  } else if (url.pathname === '/go') {
    waiting.get(url.searchParams.get('id'))?.();
    response.end('gone');
  } else if (url.pathname === '/style.css') {
    response.setHeader('Content-Type', 'text/css');
    response.end(style);
  } else {
    response.statusCode = ['/', '/favicon.ico'].includes(url.pathname) ? 200 : 404;
    response.end();
  }
}).listen(Number(port), '127.0.0.1');
