package io.millrace.spark.link;

import io.grpc.InsecureServerCredentials;
import io.grpc.Server;
import io.grpc.ServerServiceDefinition;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.stub.ServerCallStreamObserver;
import io.grpc.stub.ServerCalls;
import io.grpc.stub.StreamObserver;
import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.TimeUnit;

/** Worker 0, which all others come to. */
final class HostPeers extends GrpcPeers {
    private static final Duration FAREWELL = Duration.ofSeconds(10);

    private final MeetingTable table;
    private final Server server;
    private final Pulse pulse;

    HostPeers(JobTerms terms, InetSocketAddress bind) {
        super(0, terms);
        table = new MeetingTable(terms);
        NettyServerBuilder builder =
                NettyServerBuilder.forAddress(
                                bind,
                                terms.tls()
                                        .map(TlsFiles::ofServer)
                                        .orElseGet(InsecureServerCredentials::create))
                        // What is done with a frame takes no time: no thread is changed for it.
                        .directExecutor()
                        .maxInboundMessageSize(LinkMethod.MOST_BYTES)
                        .permitKeepAliveTime(terms.pulse().toMillis(), TimeUnit.MILLISECONDS)
                        .intercept(new Doorkeeper(terms))
                        .addService(
                                ServerServiceDefinition.builder(LinkMethod.SERVICE)
                                        .addMethod(
                                                LinkMethod.MEET,
                                                ServerCalls.asyncBidiStreamingCall(this::serve))
                                        .build());
        try {
            server = builder.build().start();
        } catch (IOException e) {
            Throwable cause = e.getCause() == null ? e : e.getCause();
            throw new BadInputException(
                    "worker 0",
                    bind + " cannot be opened (" + cause.getMessage() + ")",
                    "give another address, or a port that is free");
        }
        pulse = new Pulse(terms.pulse(), table::pulse);
    }

    @Override
    public int port() {
        return server.getPort();
    }

    private StreamObserver<byte[]> serve(StreamObserver<byte[]> answers) {
        int rank = Doorkeeper.RANK.get();
        String address = Objects.toString(Doorkeeper.ADDRESS.get(), "");
        ServerCallStreamObserver<byte[]> line = (ServerCallStreamObserver<byte[]>) answers;
        String refusal = table.seat(rank, address, new StreamLine(line));
        if (refusal != null) {
            line.onError(Status.FAILED_PRECONDITION.withDescription(refusal).asRuntimeException());
            return new Deaf();
        }
        return new StreamObserver<>() {
            @Override
            public void onNext(byte[] bytes) {
                try {
                    table.hear(rank, LinkFrame.decode(bytes));
                } catch (IllegalArgumentException e) {
                    table.broken(rank, "sends " + e.getMessage(), e);
                }
            }

            @Override
            public void onError(Throwable thrown) {
                table.broken(rank, "is gone", thrown);
            }

            @Override
            public void onCompleted() {
                table.broken(rank, "is gone", null);
            }
        };
    }

    @Override
    List<byte[]> meet(Words mine) {
        return table.meet(mine);
    }

    @Override
    public void fail(String message) {
        table.fail(message);
    }

    @Override
    public void close() {
        try {
            table.awaitEmpty(FAREWELL);
            pulse.close();
            server.shutdown().awaitTermination(FAREWELL.toSeconds(), TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            pulse.close();
            server.shutdownNow();
        }
    }

    /** A stream as the table's way to a guest; one that is cancelled takes nothing more. */
    private record StreamLine(ServerCallStreamObserver<byte[]> stream)
            implements MeetingTable.Line {
        StreamLine {
            // Else a send on a cancelled stream throws.
            stream.setOnCancelHandler(() -> {});
        }

        @Override
        public void send(byte[] frame) {
            stream.onNext(frame);
        }

        @Override
        public void end() {
            stream.onCompleted();
        }
    }

    /** What a guest without a seat says is not heard. */
    private static final class Deaf implements StreamObserver<byte[]> {
        @Override
        public void onNext(byte[] bytes) {}

        @Override
        public void onError(Throwable thrown) {}

        @Override
        public void onCompleted() {}
    }
}
