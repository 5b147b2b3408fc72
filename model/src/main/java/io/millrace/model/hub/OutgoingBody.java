package io.millrace.model.hub;

import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/**
 * What goes out with one request, opened anew each time that it is sent, and watched: the client
 * reads it in a thread of its own, as fast as the connection takes it.
 */
final class OutgoingBody implements AutoCloseable {
    private final Supplier<InputStream> source;
    private final long sizeBytes;
    private final LongConsumer progress;
    private final List<InputStream> opened = new ArrayList<>();
    private volatile long heardNs = System.nanoTime();
    private long sentBytes;

    /**
     * A body.
     *
     * @param source gives the bytes from the first on
     * @param sizeBytes how many they are
     * @param progress hears of bytes as they go, and takes those back that have to go again
     */
    OutgoingBody(Supplier<InputStream> source, long sizeBytes, LongConsumer progress) {
        this.source = source;
        this.sizeBytes = sizeBytes;
        this.progress = progress;
    }

    /** None at all. */
    static OutgoingBody none() {
        return text("");
    }

    /** A text, which no progress tells of. */
    static OutgoingBody text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        return new OutgoingBody(() -> new ByteArrayInputStream(bytes), bytes.length, _ -> {});
    }

    /** The same for the client, which sends it with its size. */
    HttpRequest.BodyPublisher publisher() {
        heardNs = System.nanoTime();
        return sizeBytes == 0
                ? HttpRequest.BodyPublishers.noBody()
                : HttpRequest.BodyPublishers.fromPublisher(
                        HttpRequest.BodyPublishers.ofInputStream(this::open), sizeBytes);
    }

    private synchronized InputStream open() {
        takeBack();
        InputStream in = new Watched(source.get());
        opened.add(in);
        return in;
    }

    private synchronized void sent(int bytes) {
        heardNs = System.nanoTime();
        sentBytes += bytes;
        progress.accept(bytes);
    }

    /** What went has not arrived. */
    synchronized void takeBack() {
        if (sentBytes > 0) {
            progress.accept(-sentBytes);
            sentBytes = 0;
        }
    }

    /** How long nothing has gone out. */
    long silentNs() {
        return System.nanoTime() - heardNs;
    }

    private final class Watched extends FilterInputStream {
        Watched(InputStream in) {
            super(in);
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            int count = super.read(bytes, offset, length);
            if (count > 0) {
                sent(count);
            }
            return count;
        }
    }

    /** A client that gives up leaves its stream open. */
    @Override
    public synchronized void close() throws IOException {
        for (InputStream in : opened) {
            in.close();
        }
        opened.clear();
    }
}
