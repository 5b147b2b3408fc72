package io.millrace.spark.link;

import io.grpc.CallOptions;
import io.grpc.ClientInterceptors;
import io.grpc.InsecureChannelCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.stub.ClientCallStreamObserver;
import io.grpc.stub.ClientCalls;
import io.grpc.stub.ClientResponseObserver;
import io.grpc.stub.MetadataUtils;
import io.millrace.executor.peer.PeerLostException;
import io.millrace.memory.BadInputException;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLException;

/** A worker other than 0: one stream to worker 0, and what was heard on it last. */
final class GuestPeers extends GrpcPeers {
    private static final Duration RETRY = Duration.ofMillis(200);
    private static final Duration FAREWELL = Duration.ofSeconds(5);

    private final JobTerms terms;
    private final String name;
    private final String host;
    private final ManagedChannel channel;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();
    private Pulse pulse;
    private ClientCallStreamObserver<byte[]> line;
    private boolean welcome;
    private boolean ended;
    private long heardNs;
    private LinkFrame.Answer answer;
    private RuntimeException loss;

    GuestPeers(int rank, JobTerms terms, InetSocketAddress address) {
        super(rank, terms);
        this.terms = terms;
        name = "worker " + rank;
        host = "worker 0 (" + address.getHostString() + ":" + address.getPort() + ")";
        NettyChannelBuilder builder =
                NettyChannelBuilder.forAddress(
                                address.getHostString(),
                                address.getPort(),
                                terms.tls()
                                        .map(TlsFiles::ofClient)
                                        .orElseGet(InsecureChannelCredentials::create))
                        .directExecutor()
                        // Workers speak to each other directly, whatever the environment says of
                        // proxies.
                        .proxyDetector(_ -> null)
                        .disableRetry()
                        .maxInboundMessageSize(LinkMethod.MOST_BYTES)
                        .keepAliveTime(terms.silence().toMillis(), TimeUnit.MILLISECONDS)
                        .keepAliveTimeout(terms.silence().toMillis(), TimeUnit.MILLISECONDS);
        terms.tls().flatMap(TlsFiles::name).ifPresent(builder::overrideAuthority);
        channel = builder.build();
    }

    /** Takes the seat; tries again while nobody listens yet. */
    GuestPeers seated() {
        long beganNs = System.nanoTime();
        while (!tryToSit()) {
            if (since(beganNs).compareTo(terms.arrival()) > 0) {
                channel.shutdownNow();
                throw lostHost("does not listen", loss);
            }
            try {
                TimeUnit.NANOSECONDS.sleep(RETRY.toNanos());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                channel.shutdownNow();
                throw new PeerLostException(0, name + " was interrupted while it came", e);
            }
        }
        pulse = new Pulse(terms.pulse(), this::beat);
        return this;
    }

    private boolean tryToSit() {
        loss = null;
        Metadata headers = new Metadata();
        headers.put(LinkMethod.TOKEN, terms.token());
        headers.put(LinkMethod.RANK, Integer.toString(rank()));
        headers.put(LinkMethod.VERSION, terms.version());
        heardNs = System.nanoTime();
        ClientCalls.asyncBidiStreamingCall(
                ClientInterceptors.intercept(
                                channel, MetadataUtils.newAttachHeadersInterceptor(headers))
                        .newCall(LinkMethod.MEET, CallOptions.DEFAULT),
                new Heard());
        lock.lock();
        try {
            while (!welcome && loss == null) {
                if (since(heardNs).compareTo(terms.arrival()) > 0) {
                    loss = lostHost("does not answer", null);
                }
                changed.awaitNanos(terms.pulse().toNanos());
            }
            if (loss != null && !(loss instanceof NobodyThere)) {
                channel.shutdownNow();
                throw loss;
            }
            return welcome;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PeerLostException(0, name + " was interrupted while it came", e);
        } finally {
            lock.unlock();
        }
    }

    @Override
    public int port() {
        return 0;
    }

    @Override
    List<byte[]> meet(Words mine) {
        long beganNs = System.nanoTime();
        lock.lock();
        try {
            requireNoLoss();
            line.onNext(LinkFrame.encode(new LinkFrame.Said(mine)));
            while (answer == null) {
                requireNoLoss();
                if (since(beganNs).compareTo(terms.patience().plus(terms.silence())) > 0) {
                    lose(
                            lostHost(
                                    "was waited for "
                                            + MeetingTable.seconds(terms.patience())
                                            + " at "
                                            + mine,
                                    null));
                }
                changed.awaitNanos(terms.pulse().toNanos());
            }
            LinkFrame.Answer heard = answer;
            answer = null;
            if (heard.call() != mine.call()) {
                lose(lostHost("answers call " + heard.call() + " at " + mine, null));
                requireNoLoss();
            }
            return heard.all();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new PeerLostException(rank(), name + " was interrupted at " + mine, e);
        } finally {
            lock.unlock();
        }
    }

    private void requireNoLoss() {
        if (loss != null) {
            throw loss;
        }
    }

    private void beat() {
        lock.lock();
        try {
            if (loss == null && !ended) {
                line.onNext(LinkFrame.encode(new LinkFrame.Pulse()));
                if (since(heardNs).compareTo(terms.silence()) > 0) {
                    lose(lostHost("was silent for " + MeetingTable.seconds(terms.silence()), null));
                }
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void fail(String message) {
        leave(new LinkFrame.Lost(rank(), message));
    }

    private void leave(LinkFrame last) {
        lock.lock();
        try {
            if (loss == null && !ended) {
                ended = true;
                line.onNext(LinkFrame.encode(last));
                line.onCompleted();
            }
        } finally {
            lock.unlock();
        }
    }

    @Override
    public void close() {
        leave(new LinkFrame.Leave());
        pulse.close();
        channel.shutdown();
        try {
            channel.awaitTermination(FAREWELL.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            channel.shutdownNow();
        }
    }

    private PeerLostException lostHost(String what, Throwable cause) {
        return new PeerLostException(0, host + " " + what, cause);
    }

    private void lose(RuntimeException lost) {
        if (loss == null) {
            loss = lost;
            changed.signalAll();
        }
    }

    /** What a failed stream means. */
    private RuntimeException meaning(Throwable thrown) {
        Status status = Status.fromThrowable(thrown);
        String said = status.getDescription();
        return switch (status.getCode()) {
            case UNAUTHENTICATED ->
                    new BadInputException(
                            name,
                            "its token is not that of " + host,
                            "start all workers of a run by one command");
            case FAILED_PRECONDITION ->
                    new BadInputException(
                            name,
                            said,
                            "start all workers of a run by one command, of one version");
            default -> {
                Throwable tls = causeOf(thrown, SSLException.class);
                if (tls != null) {
                    yield new BadInputException(
                            name,
                            "TLS with " + host + " failed (" + tls.getMessage() + ")",
                            "check --tls-cert, --tls-key, --tls-ca and --tls-name");
                }
                yield !welcome && causeOf(thrown, ConnectException.class) != null
                        ? new NobodyThere(thrown)
                        : lostHost("is gone", thrown);
            }
        };
    }

    private static Throwable causeOf(Throwable thrown, Class<? extends Throwable> type) {
        for (Throwable cause = thrown; cause != null; cause = cause.getCause()) {
            if (type.isInstance(cause)) {
                return cause;
            }
        }
        return null;
    }

    private static Duration since(long beganNs) {
        return Duration.ofNanos(System.nanoTime() - beganNs);
    }

    /** Nobody listens there, yet. */
    private static final class NobodyThere extends RuntimeException {
        private static final long serialVersionUID = 1L;

        NobodyThere(Throwable cause) {
            super(cause);
        }
    }

    /** What comes from worker 0, on a thread of the network. */
    private final class Heard implements ClientResponseObserver<byte[], byte[]> {
        @Override
        public void beforeStart(ClientCallStreamObserver<byte[]> requests) {
            line = requests;
        }

        @Override
        public void onNext(byte[] bytes) {
            lock.lock();
            try {
                heardNs = System.nanoTime();
                switch (LinkFrame.decode(bytes)) {
                    case LinkFrame.Welcome _ -> welcome = true;
                    case LinkFrame.Pulse _ -> {}
                    case LinkFrame.Answer told -> answer = told;
                    case LinkFrame.Lost lost ->
                            lose(new PeerLostException(lost.rank(), lost.message(), null));
                    case LinkFrame.Said _, LinkFrame.Leave _ ->
                            lose(lostHost("sends what a guest alone may send", null));
                }
                changed.signalAll();
            } catch (IllegalArgumentException e) {
                lose(lostHost("sends " + e.getMessage(), e));
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void onError(Throwable thrown) {
            lock.lock();
            try {
                if (!ended) {
                    lose(meaning(thrown));
                }
            } finally {
                lock.unlock();
            }
        }

        @Override
        public void onCompleted() {
            lock.lock();
            try {
                if (!ended) {
                    lose(lostHost("has ended its run", null));
                }
            } finally {
                lock.unlock();
            }
        }
    }
}
