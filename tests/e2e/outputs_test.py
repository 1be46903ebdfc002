"""The outputs of a running supervisor: channels set by a configuration file, metrics that move, outputs opened again."""
import json
import os
import signal
import socket
import subprocess
import unittest

from harness import Case, supervisor_of, wait_for


class Outputs(Case):
    def write_config(self, text):
        (self.dir / 'config.yaml').write_text(text)
        return ['--config', self.dir / 'config.yaml']

    def ask(self, path):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(str(self.dir / 'web'))
            s.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
            data = b''
            while chunk := s.recv(65536):
                data += chunk
        return data.decode()

    def test_a_program_and_a_file_get_what_the_main_output_gets(self):
        config = self.write_config(f'file_output: {{enabled: true, filename: {self.dir / "second"}}}\n'
                                   f'program_output: {{enabled: true, keep_alive: true, program: "cat > {self.dir / "third"}"}}\n')
        done = self.run_under('sh', '-c', '/bin/true one; /bin/true two', options=config)
        self.assertEqual(2, len(done.alerts), done.err)
        self.assertEqual((self.dir / 'alerts.jsonl').read_text(), (self.dir / 'second').read_text())
        self.assertEqual((self.dir / 'alerts.jsonl').read_text(), (self.dir / 'third').read_text())

    def test_the_file_alone_names_the_outputs(self):
        config = self.write_config(f'append_output: []\nfile_output: {{enabled: true, filename: {self.dir / "only"}}}\n')
        command = self.command('/bin/true', 'one', options=config)
        at = command.index('--alerts')
        del command[at:at + 2]
        command.remove('--json')
        r = subprocess.run(command, capture_output=True, text=True, timeout=60, env=self.environment())
        self.assertRegex((self.dir / 'only').read_text(), r'^\d\d:\d\d:\d\d\.\d{9}: Notice true was executed \(proc=true args=one\)\n$', r.stderr)
        self.assertNotIn('true was executed', r.stdout + r.stderr)

    def test_metrics_move_and_outputs_are_opened_again(self):
        config = self.write_config(f'webserver: {{enabled: true, socket: {self.dir / "web"}}}\n'
                                   f'file_output: {{enabled: true, filename: {self.dir / "second"}}}\n')
        running = self.start_under('sh', '-c', 'read go; /bin/true one; read go; /bin/true two; read go', options=config, stdin=-1)
        wait_for(lambda: os.path.exists(self.dir / 'web'), 'the web server')
        self.assertTrue(self.ask('/healthz').endswith('{"status": "ok"}'))

        def go():
            running.process.stdin.write(b'\n')
            running.process.stdin.flush()

        def lines(name):
            path = self.dir / name
            return path.read_text().splitlines() if path.exists() else []
        go()
        wait_for(lambda: len(lines('second')) == 1 and len(lines('alerts.jsonl')) == 1, 'the first alert')
        wait_for(lambda: 'falcosecurity_falco_rules_matches_total{rule_name="Test spawned program",priority="Notice",source="syscall"} 1\n'
                 in self.ask('/metrics'), 'the first match')
        for name in ('second', 'alerts.jsonl'):
            os.rename(self.dir / name, self.dir / (name + '.old'))
        os.kill(wait_for(lambda: supervisor_of(running.process.pid), 'the supervisor'), signal.SIGUSR1)
        wait_for(lambda: (self.dir / 'alerts.jsonl').exists(), 'the new file')
        go()
        wait_for(lambda: len(lines('second')) == 1 and len(lines('alerts.jsonl')) == 1, 'the second alert in new files')
        self.assertIn('args=two', json.loads(lines('second')[0])['output'])
        self.assertEqual(1, len(lines('alerts.jsonl.old')))
        wait_for(lambda: 'undercoat_output_alerts_total{output="file",outcome="delivered"} 2\n' in self.ask('/metrics'), 'the counter')
        go()
        running.process.stdin.close()
        self.assertEqual(0, running.process.wait(20))


if __name__ == '__main__':
    unittest.main()
