// What all parts use. Nothing here or elsewhere may throw into the page or leave a name behind in it.

const PREFIX = 'NOREN';
const MARK = 'data-' + PREFIX;
const doc = document;
const page = doc.documentElement;

// Names of our own attributes and classes.
const data = (name) => MARK + '-' + name;
const cls = (name) => PREFIX + '-' + name;

const guard = (f) => (...args) => {
  try {
    return f(...args);
  } catch {
    return undefined;
  }
};

const on = (target, types, f, options) =>
  types.split(' ').forEach((type) => target.addEventListener(type, guard(f), options));

const later = (ms, f) => setTimeout(guard(f), ms);

const make = (tag, name, text) => {
  const element = doc.createElement(tag);
  if (name) element.className = cls(name);
  if (text) element.textContent = text;
  return element;
};
