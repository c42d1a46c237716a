// Loaded into every process of the shop before its own code: EverShop has no setting for any of this.
const dns = require('node:dns');
const net = require('node:net');

// It listens on loopback, whatever it is told.
const listen = net.Server.prototype.listen;
net.Server.prototype.listen = function (first, ...rest) {
  if (typeof first === 'number' || /^[0-9]+$/.test(String(first))) {
    const callback = rest.find((one) => typeof one === 'function');
    return listen.call(this, { port: Number(first), host: '127.0.0.1' }, callback);
  }
  return listen.call(this, first, ...rest);
};

// It knows no other host, so that its seed is the same with and without a network.
const lookup = dns.lookup;
dns.lookup = (name, ...rest) => {
  if (name === 'localhost' || net.isIP(name)) return lookup(name, ...rest);
  const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND', hostname: name });
  process.nextTick(rest.at(-1), error);
};

// It ends with whoever started it, however that ended.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.kill(process.pid, 'SIGKILL'), 500).unref();
