
const LANES = Timeline.LANES;

function figures() {
  const s = DATA.summary;
  const split = text => { const at = text.lastIndexOf(' '); return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]; };
  const entries = [
    ['Step', ...split(seconds(s.step_seconds))],
    ['Tokens a second', count(s.tokens_per_second), ''],
    ['Pipeline efficiency', ...split(percent(s.pipeline_efficiency))],
    ['Hidden transfer', ...split(percent(s.hidden_transfer))],
    ['Exposed transfer a step', ...split(seconds(s.exposed_transfer_seconds))],
  ];
  byId('figures').append(...entries.map(keyFigure));
}

const mean = pick => DATA.steps.reduce((sum, step) => sum + pick(step), 0) / DATA.steps.length;

function share() {
  const whole = mean(step => step.step_seconds);
  const parts = [['computes', 'compute', mean(step => step.lanes.compute.busy_seconds), false]];
  for (const lane of LANES) {
    if (lane !== 'compute') parts.push(['waits for ' + lane, lane, mean(step => step.wait_seconds[lane]), true]);
  }
  parts.push(['between computations', 'other', mean(step => step.wait_seconds.other), true]);
  const shown = parts.filter(([, , value]) => value / whole >= 0.0005);
  byId('share').append(...shown.map(([, name, value, waiting]) =>
    make('span', {style: 'flex: ' + value / whole + ' 1 0;' + background(name), class: waiting ? 'waiting' : ''})));
  byId('share').setAttribute('aria-label', shown.map(([text, , value]) => text + ' ' + percent(value / whole)).join(', '));
  byId('share-legend').append(...shown.map(([text, name, value, waiting]) =>
    make('li', {}, make('i', {style: background(name), class: waiting ? 'waiting' : ''}),
      make('span', {}, make('b', {}, percent(value / whole)), ' ' + text + ', ' + seconds(value)))));
}

function timeline() {
  const tip = byId('tip');
  const describe = span => [
    (span.block < 0 ? span.lane : span.lane + ', ' + DATA.blocks[span.block].name),
    seconds(span.length / 1e6) + ', from ' + (span.start / 1e3).toFixed(3) + ' ms',
    'step ' + span.step + (span.block < 0 ? '' : ', block ' + span.block),
    span.bytes > 0 ? bytes(span.bytes) + ' at ' + rate(span.bytes / (span.length / 1e6)) : '',
  ].filter(Boolean);
  const place = (span, x, y) => {
    if (!span) { tip.hidden = true; return; }
    const [first, ...rest] = describe(span);
    tip.replaceChildren(make('b', {}, first), ...rest.map(text => make('span', {}, text)));
    tip.hidden = false;
    const wide = byId('timeline').clientWidth;
    tip.style.left = Math.min(Math.max(0, x + 14), wide - tip.offsetWidth) + 'px';
    tip.style.top = (y + 18) + 'px';
  };
  const listener = {
    hovered: (span, x, y) => place(span, x, y),
    chosen: span => {
      byId('said').textContent = span ? describe(span).join('; ') : '';
      if (!span) { place(null); return; }
      const [top, height] = chart.row(LANES.indexOf(span.lane));
      place(span, Math.max(chart.x(span.start), Timeline.LABEL_WIDTH), top + height - 10);
    },
    moved: () => { press(null); tip.hidden = true; },
  };
  const chart = new Timeline(byId('timeline'), byId('overview'), DATA, listener);
  const buttons = [];
  const press = chosen => buttons.forEach(button => button.setAttribute('aria-pressed', button === chosen));
  const view = (text, from, to) => {
    const button = make('button', {type: 'button', 'aria-pressed': 'false'}, text);
    button.addEventListener('click', () => { chart.show(from, to); press(button); tip.hidden = true; });
    buttons.push(button);
    byId('views').append(button);
    return button;
  };
  press(view('Everything', chart.first, chart.last));
  const room = step => (step.end_us - step.start_us) * 0.02;
  DATA.steps.slice(0, 8).forEach(step => view('Step ' + step.step, step.start_us - room(step), step.end_us + room(step)));
  if (buttons.length > 1) buttons[1].click();
  byId('zoom-in').addEventListener('click', () => chart.zoom(0.6));
  byId('zoom-out').addEventListener('click', () => chart.zoom(1 / 0.6));
}

function steps() {
  table('steps',
    ['Step', 'Length', 'Tokens/s', 'Hidden transfer', 'Exposed transfer', 'Compute utilisation', 'Pipeline efficiency', 'Bound lane', 'Loss'],
    DATA.steps.map(step => [String(step.step), cell(seconds(step.step_seconds)), cell(count(step.tokens_per_second)),
      cell(percent(step.hidden_transfer, 1)), cell(seconds(step.exposed_transfer_seconds)), cell(percent(step.compute_utilisation, 1)),
      cell(percent(step.pipeline_efficiency, 1)), cell(step.bound_lane), cell(Number(step.loss).toPrecision(5))]));
}

function blocks() {
  const columns = [...LANES.filter(lane => lane === 'compute' || DATA.blocks.some(block => block.seconds[lane] > 0)), 'wait'];
  // The ends of a model can be many times a layer: the scale suits the layers, and what exceeds it fades out.
  const largest = DATA.blocks.map(block => Math.max(...columns.map(name => block.seconds[name]))).sort((a, b) => a - b);
  const most = Math.min(largest.at(-1), 1.3 * largest[Math.floor((largest.length - 1) * 0.8)]) || 1;
  const bar = (name, value) => make('td', {}, make('div', {class: 'cell'},
    make('i', {class: (name === 'wait' ? 'waiting' : '') + (value > most ? ' over' : ''), style: 'width: calc((100% - 60px) * ' + Math.min(1, value / most).toFixed(4) + ');' + (name === 'wait' ? '' : background(name))}),
    value > 0 ? seconds(value) : '–'));
  const homes = {nvme: 'streamed', host: 'in host memory', device: 'on the device'};
  table('blocks', ['Block', 'Size', 'Home', ...columns.map(name => name === 'wait' ? 'exposed wait' : name)],
    DATA.blocks.map(block => [block.name, make('td', {class: 'plain'}, bytes(block.bytes)),
      make('td', {class: 'plain'}, homes[block.home] || block.home), ...columns.map(name => bar(name, block.seconds[name]))]));
}

function memory() {
  const {times_us: times, series} = DATA.memory;
  const shown = series.filter(one => one.name === 'process' || one.budget || one.bytes.some(value => value > 0));
  byId('memory').append(...shown.map(one => chartOf(TIERS[one.name] || one.name, one, times)));
}

function chartOf(title, one, times) {
  const [width, height, left, right, top, bottom] = [360, 150, 52, 4, 8, 20];
  const most = Math.max(...one.bytes, one.budget || 0) * 1.06 || 1;
  const x = time => left + (time - times[0]) / ((times.at(-1) - times[0]) || 1) * (width - left - right);
  const y = value => height - bottom - value / most * (height - top - bottom);
  const points = one.bytes.map((value, i) => x(times[i]).toFixed(1) + ' ' + y(value).toFixed(1));
  const path = 'M' + points.join('L');
  const svg = make('svg', {viewBox: `0 0 ${width} ${height}`, role: 'img'});
  const grain = niceBytes(most / 3);
  for (let value = 0; value < most; value += grain) {
    svg.append(make('line', {class: 'grid', x1: left, x2: width - right, y1: y(value), y2: y(value)}),
      make('text', {x: left - 6, y: y(value) + 4, 'text-anchor': 'end'}, value === 0 ? '0' : bytes(value).replace('.0', '')));
  }
  svg.append(make('path', {class: 'area', d: path + `L${x(times.at(-1)).toFixed(1)} ${y(0)}L${x(times[0]).toFixed(1)} ${y(0)}Z`}),
    make('path', {class: 'line', d: path}));
  if (one.budget) svg.append(make('line', {class: 'budget', x1: left, x2: width - right, y1: y(one.budget), y2: y(one.budget)}));
  const span = (times.at(-1) - times[0]) / 1e6;
  svg.append(make('text', {x: left, y: height - 4}, '0'), make('text', {x: width - right, y: height - 4, 'text-anchor': 'end'}, seconds(span)));
  const peak = Math.max(one.peak || 0, ...one.bytes);
  const words = 'peak ' + bytes(peak) + (one.budget ? ' of a budget of ' + bytes(one.budget) : one.name === 'process' ? '' : ', no budget');
  svg.setAttribute('aria-label', title + ' over time: ' + words);
  return make('figure', {}, make('figcaption', {}, make('b', {}, title), make('span', {}, words)), svg);
}

function lanes() {
  const known = LANES.some(lane => DATA.summary.lanes[lane].limit_bytes_per_second);
  const whole = mean(step => step.step_seconds);
  const limit = figures => {
    if (!figures.limit_bytes_per_second) return [cell('not probed')];
    const part = (figures.bytes_per_second || 0) / figures.limit_bytes_per_second;
    const meter = make('span', {class: 'meter'}, make('i', {style: 'background: var(--ink); width:' + Math.min(100, part * 100) + '%'}));
    return [make('td', {}, percent(part) + ' of ' + rate(figures.limit_bytes_per_second), meter)];
  };
  table('lanes', ['Lane', 'Busy a step', 'Share of the step', 'Bytes a step', 'Rate while busy', ...(known ? ['Of what the probe found'] : [])],
    LANES.map(name => {
      const figures = DATA.summary.lanes[name];
      const used = figures.busy_seconds > 0;
      const head = make('span', {}, make('span', {class: 'dot', style: background(name)}), name);
      return [head, cell(used ? seconds(figures.busy_seconds) : '–'), cell(used ? percent(figures.busy_seconds / whole) : '–'),
        cell(figures.bytes > 0 ? bytes(figures.bytes) : '–'), cell(figures.bytes_per_second ? rate(figures.bytes_per_second) : '–'),
        ...(known ? (name === 'compute' ? [cell('')] : limit(figures)) : [])];
    }));
  const wear = DATA.summary.wear;
  byId('wear').textContent = wear.bytes_per_step === 0
    ? 'The drive is not written: a run like this does not wear it.'
    : 'A step writes ' + bytes(wear.bytes_per_step) + ' to the drive, a day of such steps ' + bytes(wear.bytes_per_day) + '.'
      + (wear.days ? ' A drive rated for ' + tera(wear.rated_bytes) + ' written reaches that after ' + days(wear.days) + ' of tuning without a pause.'
        : ' With --tbw 600TB the report says how long the drive is rated to bear it.')
      + ' With --fold-every K only every K-th step writes.';
  byId('wear').replaceChildren(...words(byId('wear').textContent));
}

const tera = value => Number((value / 1e12).toPrecision(3)) + ' TB';
const days = value => value < 2 ? (value * 24).toFixed(0) + ' hours' : value < 800 ? value.toFixed(0) + ' days' : (value / 365).toFixed(1) + ' years';

document.title = 'Millrace profile: ' + DATA.model + ' on ' + DATA.device;
header(DATA.summary.finding, DATA.details);
document.querySelector('header').append(make('p', {id: 'description', class: 'description'}, DATA.description));
figures();
share();
steps();
blocks();
memory();
lanes();
options();
timeline();
