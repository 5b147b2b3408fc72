
const DATA = JSON.parse(document.getElementById('data').textContent);
const byId = id => document.getElementById(id);

/** An element with attributes and children; text is always text. */
function make(name, attributes = {}, ...children) {
  const svg = ['svg', 'path', 'line', 'text', 'g', 'title'].includes(name);
  const element = svg ? document.createElementNS('http://www.w3.org/2000/svg', name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Text in which options are not broken at the end of a line. */
const words = text => text.split(/(--[a-z-]+)/).map((part, i) => i % 2 ? make('span', {class: 'option'}, part) : part);

const percent = (share, digits = 0) => {
  const value = share * 100;
  const fine = (value > 0 && value < 10) || (value > 99 && value < 100) ? 1 : 0;
  return value.toFixed(Math.max(digits, fine)) + ' %';
};

const seconds = value =>
  value >= 100 ? value.toFixed(0) + ' s'
  : value >= 1 ? value.toFixed(2) + ' s'
  : value >= 1e-3 ? (value * 1e3).toFixed(value >= 0.1 ? 0 : 1) + ' ms'
  : value > 0 ? (value * 1e6).toFixed(0) + ' µs' : '0';

function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let power = 0;
  while (value >= 1000 && power < units.length - 1) { value /= 1024; power++; }
  return (power === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)) + ' ' + units[power];
}

const rate = value => value >= 1e9 ? (value / 1e9).toFixed(2) + ' GB/s' : (value / 1e6).toFixed(0) + ' MB/s';
const count = value => value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3);
const cell = text => make('td', {}, text);
const background = name => 'background-color: var(--' + name + ')';

/** What the tiers of memory are called. */
const TIERS = {host: 'Host memory', device: 'Device memory', nvme: 'Block store on the drive', process: 'Process, resident'};

/** What the page says first, and what it says about that. */
function header(headline, details) {
  byId('made').textContent = DATA.made;
  byId('headline').append(...words(headline));
  byId('details').append(...details.map(text => make('p', {}, ...words(text))));
}

/** A key figure: a name, a number and a unit. */
const keyFigure = ([term, value, unit]) =>
  make('div', {}, make('dt', {}, term), make('dd', {}, value, make('small', {}, unit)));

/** A table from its heads and rows; a row's first entry is its head. */
function table(id, heads, rows) {
  byId(id).append(
    make('thead', {}, make('tr', {}, ...heads.map(head => make('th', {scope: 'col'}, head)))),
    make('tbody', {}, ...rows.map(([head, ...cells]) =>
      make('tr', {}, make('th', {scope: 'row'}, head), ...cells))));
}

/** 1, 2 or 5 times a power of ten, at least a length. */
function niceStep(least) {
  const unit = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map(factor => factor * unit).find(step => step >= least * (1 - 1e-9));
}

/** 1, 2 or 5 … times a power of two bytes, at least a length. */
function niceBytes(least) {
  const unit = 1024 ** Math.max(0, Math.floor(Math.log(least) / Math.log(1024)));
  return [1, 2, 5, 10, 20, 50, 100, 200, 500, 1024].map(factor => factor * unit).find(step => step >= least);
}

function options() {
  byId('options').append(make('tbody', {}, ...Object.entries(DATA.options).map(([name, value]) =>
    make('tr', {}, make('th', {scope: 'row'}, name), make('td', {}, Array.isArray(value) ? value.join(', ') : String(value))))));
}
