// What node programs do: http, child processes of each kind, workers, watching, streams, signals, sockets. Prints NAME<tab>RESULT.
'use strict';
const {spawn, exec, execFile, fork, spawnSync} = require('child_process');
const {Worker, isMainThread, parentPort, workerData} = require('worker_threads');
const cluster = require('cluster'), dgram = require('dgram'), dns = require('dns'), fs = require('fs'), http = require('http'), net = require('net'), os = require('os'),
    path = require('path'), zlib = require('zlib'), crypto = require('crypto'), {pipeline} = require('stream/promises'), {promisify} = require('util');

if (!isMainThread) {
    for (let i = 0; i < 50; i++) fs.writeFileSync(path.join(workerData.dir, `w${workerData.n}-${i}`), 'x');
    parentPort.postMessage(fs.readdirSync(workerData.dir).filter(f => f.startsWith(`w${workerData.n}-`)).length);
    return;
}
if (process.argv[2] === 'child') {
    process.on('message', m => m === 'end' ? process.disconnect() : process.send({echo: m}));
    return;
}
if (cluster.isWorker) {
    http.createServer((q, s) => s.end('from a worker')).listen(+process.argv[3], '127.0.0.1');
    return;
}

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'node-'));
const get = (port, agent, where = '/') => new Promise((yes, no) => http.get({host: '127.0.0.1', port, agent, path: where}, r => {
    const parts = [];
    r.on('data', d => parts.push(d)).on('end', () => yes(Buffer.concat(parts)));
}).on('error', no));
const ended = p => new Promise(yes => p.on('close', (code, signal) => yes(`${code} ${signal}`)));

const parts = {
    async http() {
        const body = Buffer.alloc(200000, 'x');
        const server = http.createServer((q, s) => s.end(body)).listen(0, '127.0.0.1');
        await new Promise(r => server.on('listening', r));
        let good = 0;
        for (const agent of [new http.Agent({keepAlive: true, maxSockets: 10}), new http.Agent()]) {
            const all = [];
            for (let i = 0; i < 200; i++) all.push(get(server.address().port, agent));
            for (const b of await Promise.all(all)) good += b.equals(body);
            agent.destroy();
        }
        server.close();
        return good;
    },
    async spawn() {
        let good = 0;
        for (let round = 0; round < 5; round++) {
            await Promise.all([...Array(10).keys()].map(async i => {
                const p = spawn('sh', ['-c', `cat; exit ${i}`]);
                let out = '';
                p.stdout.on('data', d => out += d);
                p.stdin.end('input ' + i);
                good += await ended(p) === `${i} null` && out === 'input ' + i;
            }));
        }
        return good;
    },
    async kill() {
        const p = spawn('sleep', ['100']);
        p.kill('SIGTERM');
        const q = spawn('sleep', ['100'], {timeout: 100, killSignal: 'SIGKILL'});
        return [await ended(p), await ended(q)];
    },
    async detached() {
        const p = spawn('sh', ['-c', 'ps -o sid= -p $$; echo $$'], {detached: true});
        let out = '';
        p.stdout.on('data', d => out += d);
        await ended(p);
        const [sid, pid] = out.trim().split(/\s+/);
        return sid === pid;
    },
    async failing() {
        const missing = await new Promise(r => spawn('/nonexistent/program').on('error', r));
        const sync = spawnSync('sh', ['-c', 'echo out; echo err >&2; exit 3'], {encoding: 'utf8', env: {}});
        return [missing.code, missing.syscall, sync.status, sync.stdout, sync.stderr];
    },
    async exec() {
        const {stdout} = await promisify(exec)('printf "%s" "$A"', {env: {A: 'value', PATH: process.env.PATH}, cwd: '/usr'});
        const file = await promisify(execFile)('pwd', {cwd: '/usr/lib'});
        return [stdout, file.stdout];
    },
    async environment() {
        return spawnSync('/usr/bin/env', {env: {ONLY: 'this'}, encoding: 'utf8'}).stdout;
    },
    async fork() {
        const p = fork(__filename, ['child']);
        const got = [];
        p.on('message', m => { got.push(m.echo); if (got.length === 100) p.send('end'); });
        for (let i = 0; i < 100; i++) p.send(i);
        const how = await ended(p);
        return [got.length, got.reduce((a, b) => a + b), how];
    },
    async workers() {
        const found = await Promise.all([...Array(6).keys()].map(n => new Promise((yes, no) =>
            new Worker(__filename, {workerData: {n, dir}}).on('message', yes).on('error', no))));
        return found;
    },
    async cluster() {
        const port = 8177;
        cluster.setupPrimary({exec: __filename, args: ['worker', String(port)]});
        const workers = [cluster.fork(), cluster.fork()];
        await Promise.all(workers.map(w => new Promise(r => w.on('listening', r))));
        let good = 0;
        for (let i = 0; i < 40; i++) good += (await get(port)).toString() === 'from a worker';
        const exits = workers.map(w => new Promise(r => w.on('exit', (code, signal) => r(`${code} ${signal}`))));
        workers[0].kill();
        workers[1].process.kill('SIGKILL');
        return [good, await Promise.all(exits)];
    },
    async watch() {
        const where = fs.mkdtempSync(path.join(dir, 'watch-'));
        const seen = new Promise(r => { const w = fs.watch(where, (kind, name) => { w.close(); r(`${kind} ${name}`); }); });
        fs.writeFileSync(path.join(where, 'new'), 'x');
        return seen;
    },
    async streams() {
        const from = path.join(dir, 'data'), data = crypto.createHash('sha512').update('seed').digest('hex').repeat(5000);
        fs.writeFileSync(from, data);
        await pipeline(fs.createReadStream(from), zlib.createGzip(), fs.createWriteStream(from + '.gz'));
        await pipeline(fs.createReadStream(from + '.gz'), zlib.createGunzip(), fs.createWriteStream(from + '.back'));
        return fs.readFileSync(from + '.back', 'utf8') === data;
    },
    async files() {
        const all = [...Array(500).keys()].map(async i => {
            const f = path.join(dir, 'file' + i);
            await fs.promises.writeFile(f, String(i));
            await fs.promises.rename(f, f + '.new');
            await fs.promises.symlink(f + '.new', f);
            const text = await fs.promises.readFile(f, 'utf8');
            await fs.promises.unlink(f);
            await fs.promises.unlink(f + '.new');
            return +text;
        });
        const sum = (await Promise.all(all)).reduce((a, b) => a + b);
        const none = await fs.promises.open(path.join(dir, 'none')).catch(e => e.code);
        return [sum, none, fs.existsSync(path.join(dir, 'file1'))];
    },
    async sockets() {
        const where = path.join(dir, 'socket');
        const server = net.createServer(s => s.pipe(s)).listen(where);
        await new Promise(r => server.on('listening', r));
        const echo = await new Promise(r => { const c = net.connect(where); let t = ''; c.on('data', d => t += d).on('end', () => r(t)); c.end('hello'); });
        server.close();
        const refused = await new Promise(r => net.connect(1, '127.0.0.1').on('error', e => r(e.code)));
        const a = dgram.createSocket('udp4');
        await new Promise(r => a.bind(0, '127.0.0.1', r));
        const udp = await new Promise(r => { a.on('message', m => r(m.toString())); a.send('ping', a.address().port, '127.0.0.1'); });
        a.close();
        return [echo, refused, udp];
    },
    async names() {
        return [(await dns.promises.lookup('localhost', {family: 4})).address, await dns.promises.lookup('no-such-name.invalid').catch(e => typeof e.code)];
    },
    async signals() {
        let n = 0;
        const all = new Promise(r => process.on('SIGUSR2', () => { if (++n === 20) r(); else process.kill(process.pid, 'SIGUSR2'); }));
        process.kill(process.pid, 'SIGUSR2');
        await all;
        return n;
    },
};

(async () => {
    for (const [name, part] of Object.entries(parts)) {
        let result;
        try { result = await part(); } catch (e) { result = `${e.code || e}`; }
        console.log(`${name}\t${JSON.stringify(result)}`);
    }
    fs.rmSync(dir, {recursive: true});
    process.exit(9);
})();
