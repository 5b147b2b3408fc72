package io.millrace.memory.nvme.io;

import io.millrace.memory.Errno;
import io.netty.channel.IoEvent;
import io.netty.channel.IoEventLoop;
import io.netty.channel.IoRegistration;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.uring.IoUring;
import io.netty.channel.uring.IoUringIoEvent;
import io.netty.channel.uring.IoUringIoHandle;
import io.netty.channel.uring.IoUringIoHandler;
import io.netty.channel.uring.IoUringIoOps;
import java.util.Optional;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;

/**
 * io_uring through Netty's generic handles: one ring, one thread, which submits and completes.
 * Other threads push requests on a stack that the ring's thread takes whole.
 */
final class UringEngine implements IoEngine {
    /** Requests that the ring holds at once; more wait their turn. */
    static final int RING_ENTRIES = 256;

    // linux/io_uring.h
    private static final byte IORING_OP_FSYNC = 3;
    private static final byte IORING_OP_READ = 22;
    private static final byte IORING_OP_WRITE = 23;
    private static final int IORING_FSYNC_DATASYNC = 1;

    private final MultiThreadIoEventLoopGroup group;
    private final IoEventLoop loop;
    private final IoRegistration ring;
    private final RequestStack pushed = new RequestStack();
    private final Runnable drain = this::drain;
    private volatile boolean closed;

    // Below: the ring's thread only.
    private final IoRequest[] inFlight = new IoRequest[RING_ENTRIES];
    private final int[] freeIndices = new int[RING_ENTRIES];
    private int freeCount;
    private IoRequest waitingHead;
    private IoRequest waitingTail;

    UringEngine() {
        for (int i = 0; i < RING_ENTRIES; i++) {
            freeIndices[freeCount++] = i;
        }
        ThreadFactory threads = Thread.ofPlatform().daemon().name("millrace-io_uring").factory();
        group = new MultiThreadIoEventLoopGroup(1, threads, IoUringIoHandler.newFactory());
        try {
            loop = group.next();
            ring = loop.register(new Handle()).syncUninterruptibly().getNow();
        } catch (RuntimeException | Error e) {
            close();
            throw e;
        }
    }

    /** Why io_uring cannot be used; empty when it can. */
    static Optional<String> unavailability() {
        if (IoUring.isAvailable()) {
            return Optional.empty();
        }
        Throwable cause = IoUring.unavailabilityCause();
        while (cause.getCause() != null) {
            cause = cause.getCause();
        }
        return Optional.of("io_uring refused: " + cause.getMessage());
    }

    @Override
    public String name() {
        return "io_uring";
    }

    @Override
    public void submit(IoRequest request) {
        if (closed) {
            throw new IllegalStateException("the I/O thread has ended");
        }
        boolean first = pushed.push(request);
        if (loop.inEventLoop()) {
            drain();
        } else if (first) { // else whoever pushed before has called already
            loop.execute(drain);
        }
    }

    private void drain() {
        IoRequest oldest = pushed.takeAll();
        while (oldest != null) {
            IoRequest following = oldest.next;
            oldest.next = null;
            if (waitingTail == null) {
                waitingHead = oldest;
            } else {
                waitingTail.next = oldest;
            }
            waitingTail = oldest;
            oldest = following;
        }
        send();
    }

    private void send() {
        while (freeCount > 0 && waitingHead != null) {
            IoRequest request = waitingHead;
            waitingHead = request.next;
            if (waitingHead == null) {
                waitingTail = null;
            }
            int index = freeIndices[--freeCount];
            inFlight[index] = request;
            ring.submit(entry(request, index));
        }
    }

    private static IoUringIoOps entry(IoRequest request, long index) {
        byte none = 0;
        short zero = 0;
        int fd = request.file.fd();
        return switch (request.op()) {
            case READ, WRITE ->
                    new IoUringIoOps(
                            request.op() == IoRequest.Op.READ ? IORING_OP_READ : IORING_OP_WRITE,
                            none,
                            zero,
                            fd,
                            request.position(),
                            request.address(),
                            request.length(),
                            0,
                            index,
                            zero,
                            zero,
                            0,
                            0L);
            case SYNC ->
                    new IoUringIoOps(
                            IORING_OP_FSYNC,
                            none,
                            zero,
                            fd,
                            0L,
                            0L,
                            0,
                            IORING_FSYNC_DATASYNC,
                            index,
                            zero,
                            zero,
                            0,
                            0L);
        };
    }

    @Override
    public void close() {
        closed = true;
        group.shutdownGracefully(0, 10, TimeUnit.SECONDS).syncUninterruptibly();
    }

    private final class Handle implements IoUringIoHandle {
        @Override
        public void handle(IoRegistration registration, IoEvent event) {
            IoUringIoEvent completion = (IoUringIoEvent) event;
            int index = (int) completion.userData();
            IoRequest request = inFlight[index];
            inFlight[index] = null;
            freeIndices[freeCount++] = index;
            request.file.finish(request, completion.res());
            send();
        }

        @Override
        public void close() {
            // The ring closes its handles when it ends; a request cut off there ends too.
            for (IoRequest request = waitingHead; request != null; request = waitingHead) {
                waitingHead = request.next;
                request.file.finish(request, -Errno.ECANCELED.code());
            }
            waitingTail = null;
        }
    }
}
