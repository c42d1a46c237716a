// The chat launcher. Nothing of the chat service is fetched before it is asked for.

// Under Trusted Types a script's address needs a policy; the page may refuse it, and then there is no chat.
let policy;
const trusted = (url) => {
  if (!window.trustedTypes) return url;
  policy = policy || trustedTypes.createPolicy(PREFIX, { createScriptURL: (u) => u });
  return policy.createScriptURL(url);
};

// A page that names a nonce has given it to this script, or to its own: what is loaded may have it, too.
const nonce = [doc.currentScript, doc.querySelector('script[nonce]')].map((script) => script && script.nonce).find(Boolean);

const loadScript = (root, button) => {
  if (button.disabled) return;
  button.disabled = true;
  button.setAttribute('aria-busy', 'true');
  const script = doc.createElement('script');
  if (nonce) script.nonce = nonce;
  // The service draws its own launcher from here on.
  on(script, 'load', () => away(root));
  on(script, 'error', () => {
    button.disabled = false;
    button.removeAttribute('aria-busy');
  });
  try {
    script.src = trusted(button.getAttribute(data('load')));
  } catch (error) {
    button.disabled = false;
    button.removeAttribute('aria-busy');
    throw error;
  }
  doc.head.append(script);
};

const panels = new Map();

const togglePanel = (root, link) => {
  let panel = panels.get(link);
  if (!panel) {
    panel = makePanel(root, link);
    panels.set(link, panel);
  }
  panel.hidden = !panel.hidden;
  link.setAttribute('aria-expanded', String(!panel.hidden));
  (panel.hidden ? link : panel.querySelector('button')).focus();
};

const makePanel = (root, link) => {
  const name = root.getAttribute('aria-label');
  const panel = make('div', 'panel');
  panel.hidden = true;
  panel.id = cls('panel');
  panel.setAttribute('role', 'dialog');
  panel.setAttribute('aria-label', name);
  const bar = make('div', 'bar');
  const close = make('button', 'x');
  close.type = 'button';
  close.setAttribute('aria-label', link.getAttribute(data('panel')));
  close.append(make('span', 'cross'));
  bar.append(make('p', 'heading', name), close);
  const frame = make('iframe', 'frame');
  frame.title = name;
  frame.src = link.href;
  panel.append(bar, frame);
  on(close, 'click', () => togglePanel(root, link));
  on(panel, 'keydown', (e) => e.key === 'Escape' && togglePanel(root, link));
  link.setAttribute('aria-controls', panel.id);
  root.append(panel);
  return panel;
};
