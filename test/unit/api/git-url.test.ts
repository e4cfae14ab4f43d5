import { checkGitUrl } from '../../../tasks/git-url.ts';

const LISTED = ['git.internal', '127.0.0.1:8080'];

describe('checkGitUrl', () => {
  it.each([
    ['https://github.com/team/app.git', false],
    ['https://gitlab.com:8443/team/app', false],
    ['https://git.internal/team/app', true],
    ['http://git.internal:3000/team/app', true],
    ['http://127.0.0.1:8080/app.git', true],
    ['https://[2606:4700::1111]/app.git', false],
  ])('allows %s', (url, trusted) => {
    expect(checkGitUrl(url, LISTED)).toMatchObject({ allowed: true, trusted });
  });

  it.each([
    ['--upload-pack=touch /tmp/x', 'dash'],
    ['ext::sh -c whoami', 'space'],
    ['ext::sh', 'helper'],
    ['::https://github.com/a/b', 'helper'],
    ['git@github.com:team/app.git', 'not a URL'],
    ['/srv/git/app.git', 'not a URL'],
    ['file:///etc/passwd', 'file:'],
    ['ssh://git@github.com/a/b', 'ssh:'],
    ['git://github.com/a/b', 'git:'],
    ['https://user:hunter2@github.com/a/b', 'credentials'],
    ['https://hunter2@github.com/a/b', 'credentials'],
    ['https://@github.com/a/b', 'credentials'],
    ['https://github.com/a/b?token=hunter2', 'query'],
    ['https://github.com/a/b#hunter2', 'fragment'],
    ['https://github.com/', 'no repository'],
    ['http://github.com/a/b', 'plain http'],
    ['http://127.0.0.1:8081/app.git', 'plain http'],
    ['https://127.0.0.1/a', 'private'],
    ['https://0x7f.1/a', 'private'],
    ['https://2130706433/a', 'private'],
    ['https://[::1]/a', 'private'],
    ['https://[::ffff:10.0.0.1]/a', 'private'],
    ['https://169.254.169.254/latest', 'private'],
    ['https://localhost/a', 'private'],
    ['https://localhost./a', 'private'],
    ['https://printer/a', 'private'],
    ['https://db.local/a', 'private'],
    ['https://github.com\\@10.0.0.1/a', 'backslash'],
    ['https://github.com/a\n/b', 'control'],
  ])('refuses %j and says %s, never the URL', (url, said) => {
    const check = checkGitUrl(url, LISTED);
    expect(check).toMatchObject({ allowed: false, detail: expect.stringContaining(said) });
    expect(JSON.stringify(check)).not.toContain('hunter2');
  });
});
