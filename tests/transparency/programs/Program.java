// What Java programs do: threads, an http server, child processes, files and their locks, watching a folder. Prints NAME<tab>RESULT.
import com.sun.net.httpserver.HttpServer;
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class Program {
    static void say(String name, Object what) { System.out.println(name + "\t" + what); }

    interface Part { Object run() throws Exception; }

    static void part(String name, Part p) {
        try { say(name, p.run()); } catch (Exception e) { say(name, e.toString().replaceAll("/tmp/\\S*", "PATH")); }
    }

    static Object threads() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(64);
        AtomicLong sum = new AtomicLong();
        Path dir = Files.createTempDirectory("threads");
        for (int i = 0; i < 2000; i++) {
            final int n = i;
            pool.submit(() -> {
                Path f = dir.resolve("f" + n);
                Files.writeString(f, "text " + n);
                if (Files.readString(f).equals("text " + n)) sum.addAndGet(n);
                Files.delete(f);
                return null;
            });
        }
        pool.shutdown();
        boolean ended = pool.awaitTermination(60, TimeUnit.SECONDS);
        try (var left = Files.list(dir)) { return sum + " " + ended + " left " + left.count(); }
    }

    static Object web() throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 50);
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.createContext("/", x -> { byte[] b = x.getRequestBody().readAllBytes(); x.sendResponseHeaders(200, b.length); x.getResponseBody().write(b); x.close(); });
        server.start();
        HttpClient client = HttpClient.newHttpClient();
        List<CompletableFuture<Boolean>> all = new ArrayList<>();
        for (int i = 0; i < 300; i++) {
            String text = "x".repeat(1 + i * 10);
            all.add(client.sendAsync(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/")).POST(HttpRequest.BodyPublishers.ofString(text)).build(),
                HttpResponse.BodyHandlers.ofString()).thenApply(r -> r.body().equals(text)));
            if (i % 20 == 19) for (var f : all) f.get(30, TimeUnit.SECONDS);
        }
        int good = 0;
        for (var f : all) if (f.get(30, TimeUnit.SECONDS)) good++;
        server.stop(0);
        return good;
    }

    static Object children() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Future<Boolean>> all = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            final int n = i;
            all.add(pool.submit(() -> {
                Process p = new ProcessBuilder("sh", "-c", "cat; exit " + n % 7).redirectErrorStream(true).start();
                p.getOutputStream().write(("in " + n).getBytes());
                p.getOutputStream().close();
                String out = new String(p.getInputStream().readAllBytes());
                return p.waitFor() == n % 7 && out.equals("in " + n);
            }));
        }
        int good = 0;
        for (var f : all) if (f.get()) good++;
        pool.shutdown();
        return good;
    }

    static Object killed() throws Exception {
        Process p = new ProcessBuilder("sleep", "100").start();
        boolean alive = p.isAlive();
        p.destroy();
        int soft = p.waitFor();
        Process q = new ProcessBuilder("sleep", "100").start();
        q.destroyForcibly();
        return alive + " " + soft + " " + q.waitFor() + " " + q.toHandle().isAlive();
    }

    static Object environment() throws Exception {
        ProcessBuilder b = new ProcessBuilder("/usr/bin/env");
        b.environment().clear();
        b.environment().put("ONLY", "this");
        return new String(b.start().getInputStream().readAllBytes()).trim();
    }

    static Object missing() throws Exception {
        try { new ProcessBuilder("/nonexistent/program").start(); return "started"; } catch (IOException e) { return e.getMessage(); }
    }

    static Object locks() throws Exception {
        Path f = Files.createTempFile("lock", "");
        try (FileChannel a = FileChannel.open(f, StandardOpenOption.WRITE); FileLock l = a.lock()) {
            Process p = new ProcessBuilder("flock", "-n", f.toString(), "true").start();
            p.waitFor();
            boolean overlapping = false;
            try (FileChannel b = FileChannel.open(f, StandardOpenOption.WRITE)) { b.tryLock(); } catch (OverlappingFileLockException e) { overlapping = true; }
            return l.isValid() + " " + overlapping;
        }
    }

    static Object watched() throws Exception {
        Path dir = Files.createTempDirectory("watched");
        WatchService w = dir.getFileSystem().newWatchService();
        dir.register(w, StandardWatchEventKinds.ENTRY_CREATE);
        Files.writeString(dir.resolve("new"), "x");
        WatchKey k = w.poll(20, TimeUnit.SECONDS);
        return k == null ? "nothing" : k.pollEvents().get(0).context();
    }

    static Object channels() throws Exception {
        ServerSocketChannel s = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        Path where = Files.createTempDirectory("unix").resolve("socket");
        s.bind(UnixDomainSocketAddress.of(where));
        Thread t = new Thread(() -> { try (SocketChannel c = SocketChannel.open(UnixDomainSocketAddress.of(where))) { c.write(ByteBuffer.wrap("hello".getBytes())); } catch (IOException e) { } });
        t.start();
        ByteBuffer b = ByteBuffer.allocate(10);
        try (SocketChannel c = s.accept()) { while (c.read(b) >= 0) { } }
        t.join();
        DatagramSocket d = new DatagramSocket(0, InetAddress.getLoopbackAddress());
        d.send(new DatagramPacket("ping".getBytes(), 4, d.getLocalSocketAddress()));
        DatagramPacket got = new DatagramPacket(new byte[10], 10);
        d.receive(got);
        return b.position() + " " + got.getLength();
    }

    static Object interrupted() throws Exception {
        // Closing a socket ends a blocked accept in another thread; an interrupt ends a channel's.
        ServerSocket s = new ServerSocket(0);
        String[] how = new String[1];
        Thread t = new Thread(() -> { try { s.accept(); how[0] = "accepted"; } catch (IOException e) { how[0] = e.getMessage(); } });
        t.start();
        while (t.getState() != Thread.State.RUNNABLE) Thread.yield();
        Thread.sleep(100);
        s.close();
        t.join(20000);
        return how[0] + " " + t.isAlive();
    }

    static Object names() throws Exception {
        String none;
        try { InetAddress.getByName("no-such-name.invalid"); none = "found"; } catch (UnknownHostException e) { none = "unknown"; }
        return InetAddress.getByName("localhost").isLoopbackAddress() + " " + none;
    }

    public static void main(String[] a) throws Exception {
        part("threads", Program::threads);
        part("web", Program::web);
        part("children", Program::children);
        part("killed", Program::killed);
        part("environment", Program::environment);
        part("missing", Program::missing);
        part("locks", Program::locks);
        part("watched", Program::watched);
        part("channels", Program::channels);
        part("interrupted", Program::interrupted);
        part("names", Program::names);
        System.exit(7);
    }
}
