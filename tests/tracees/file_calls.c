// Makes each call that names a file once, in the directory given, and prints what each returned.
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void say(const char *what, long r) {
    printf("%s %s %d\n", what, r < 0 ? "fails" : "works", r < 0 ? errno : 0);
}

int main(int argc, char **argv) {
    if (argc < 2 || chdir(argv[1])) return 1;
    errno = 0;
    int dir = open(".", O_RDONLY | O_DIRECTORY);
    say("open", dir);
    say("open missing", open("missing", O_RDONLY));
    say("open create", close(open("new", O_RDWR | O_CREAT, 0640)));
    say("openat", close(openat(AT_FDCWD, "new", O_RDONLY)));
    say("openat dirfd", close(openat(dir, "new", O_RDONLY)));
    say("openat absolute", close(openat(dir, "/dev/null", O_RDONLY)));
    say("creat", close(creat("created", 0600)));
    say("mkdir", mkdir("dir", 0700));
    say("mkdirat", mkdirat(dir, "dir2", 0700));
    say("rename", rename("created", "renamed"));
    say("renameat", renameat(AT_FDCWD, "renamed", AT_FDCWD, "renamed2"));
    say("link", link("new", "hard"));
    say("linkat", linkat(AT_FDCWD, "new", AT_FDCWD, "hard2", 0));
    say("symlink", symlink("new", "soft"));
    say("symlinkat", symlinkat("new", AT_FDCWD, "soft2"));
    say("chmod", chmod("new", 0600));
    say("fchmodat", fchmodat(AT_FDCWD, "new", 0644, 0));
    say("fchmod", fchmod(dir, 0700));
    say("chown", chown("new", -1, -1));
    say("lchown", lchown("soft", -1, -1));
    say("fchownat", fchownat(AT_FDCWD, "soft", -1, -1, AT_SYMLINK_NOFOLLOW));
    say("truncate", truncate("new", 3));
    say("mknod", mknod("fifo", S_IFIFO | 0600, 0));
    say("mkfifo", mkfifo("fifo2", 0600));
    FILE *f = fopen("new", "a+");
    say("fopen", f ? fputs("text", f) : -1);
    if (f) fclose(f);
    struct stat st;
    say("size", stat("new", &st) == 0 && st.st_size == 7 ? 0 : -1);
    f = fopen("new", "q");
    say("fopen bad mode", f ? 0 : -1);
    f = fopen("none/x", "re");
    say("fopen missing", f ? 0 : -1);
    f = fopen("new", "wx");
    say("fopen exclusive", f ? 0 : -1);
    DIR *d = opendir("dir");
    int entries = 0;
    while (d && readdir(d)) entries++;
    say("opendir", d ? closedir(d) : -1);
    printf("entries %d\n", entries);
    say("opendir file", opendir("new") ? 0 : -1);
    say("unlinkat", unlinkat(dir, "dir2", AT_REMOVEDIR));
    const char *files[] = {"new", "renamed2", "hard", "hard2", "soft", "soft2", "fifo", "fifo2"};
    for (unsigned i = 0; i < sizeof files / sizeof *files; i++) say("unlink", unlink(files[i]));
    say("rmdir", rmdir("dir"));
    say("rmdir missing", rmdir("dir"));
    say("fchdir", fchdir(dir));
    return 0;
}
