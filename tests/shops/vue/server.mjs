// A small shop in Vue, rendered here and hydrated in the browser: node server.mjs PORT FOLDER, where FOLDER holds Vue.
//
//   /root   Vue owns an element within the page
//
// The browser gets the build for development, which tells of every difference that it finds.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { runInThisContext } from 'node:vm';

const [port, folder] = process.argv.slice(2);
const here = import.meta.dirname ?? dirname(new URL(import.meta.url).pathname);
const installed = createRequire(join(folder, 'package.json'));
const Vue = installed('vue');
const { pipeToNodeWritable } = installed('@vue/server-renderer');

const source = readFileSync(join(here, 'app.js'), 'utf8');
const style = readFileSync(join(here, '../react/style.css'));
const browser = readFileSync(join(folder, 'node_modules/vue/dist/vue.global.js'), 'utf8');
const App = runInThisContext(source)(Vue);

const client = `${browser}
(() => {
  const app = Vue.createSSRApp((${source})(Vue));
  const note = (problem) => (globalThis.hydrationErrors ??= []).push(String(problem));
  app.config.warnHandler = note;
  app.config.errorHandler = note;
  app.mount('#root');
})();`;

const START =
  '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
  '<title>A shop in Vue</title><link rel="stylesheet" href="/style.css"></head><body><div id="root">';
const END = '</div><script src="/client.js"></script></body></html>';

createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://shop');
  if (pathname === '/root') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.write(START);
    // Vue ends what it writes to: the page's own end comes before.
    const end = response.end.bind(response);
    response.end = () => end(END);
    pipeToNodeWritable(Vue.createSSRApp(App), {}, response);
  } else if (pathname === '/client.js') {
    response.setHeader('Content-Type', 'text/javascript; charset=utf-8');
    response.end(client);
  } else if (pathname === '/style.css') {
    response.setHeader('Content-Type', 'text/css');
    response.end(style);
  } else {
    response.statusCode = ['/', '/favicon.ico'].includes(pathname) ? 200 : 404;
    response.end();
  }
}).listen(Number(port), '127.0.0.1');
