package io.millrace.spark.link;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.millrace.memory.BadInputException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Who lacks the token, or a certificate, learns nothing and changes nothing. */
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class DoorkeeperTest {
    @TempDir Path temp;

    @ParameterizedTest
    @ValueSource(strings = {"", "a token of this tesT", "a token of this test ", "a token"})
    void withoutTheTokenNothingIsReadAndNothingIsSaid(String token) throws Exception {
        try (Table table = new Table(Table.terms(2))) {
            Stranger stranger = new Stranger(table, token.isEmpty() ? null : token);

            assertThat(stranger.end.get(30, TimeUnit.SECONDS).getCode())
                    .isEqualTo(Status.Code.UNAUTHENTICATED);
            // The same words whatever is lacking, here a rank that is none as well.
            assertThat(stranger.end.get().getDescription()).isEqualTo("the job's token is needed");
            assertThat(stranger.heard).isEmpty();
            stranger.close();

            table.join(1);
            assertThat(table.all(worker -> worker.gather(0, new double[1]).size())).containsOnly(2);
        }
    }

    @Test
    void aWorkerOfAnotherRunIsTold() throws Exception {
        try (Table table = new Table(Table.terms(2))) {
            JobTerms others = with("another token, as long", "1", Optional.empty());
            assertThatThrownBy(() -> GrpcPeers.join(1, others, table.address()))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageMatching("worker 1: its token is not that of worker 0 .*; start .*");
            table.join(1);
        }
    }

    @Test
    void versionsThatDifferAreNamed() throws Exception {
        try (Table table = new Table(Table.terms(2))) {
            JobTerms others = with(Table.TOKEN, "2", Optional.empty());
            assertThatThrownBy(() -> GrpcPeers.join(1, others, table.address()))
                    .isInstanceOf(BadInputException.class)
                    .hasMessageContaining("worker 1: worker 0 is of version 1, worker 1 of 2; ");
            table.join(1);
        }
    }

    @Test
    void withTlsBothShowACertificate() throws Exception {
        TestCertificates ours = new TestCertificates(temp.resolve("ours"));
        TestCertificates theirs = new TestCertificates(temp.resolve("theirs"));
        JobTerms terms = with(Table.TOKEN, "1", Optional.of(ours.worker("one")));
        TlsFiles foreign = theirs.worker("two");
        // Takes our host, and shows a certificate that our authority has not signed.
        TlsFiles posing =
                new TlsFiles(
                        foreign.certificate(),
                        foreign.key(),
                        terms.tls().orElseThrow().authority(),
                        foreign.name());
        try (Table table = new Table(terms)) {
            for (Optional<TlsFiles> files : List.of(Optional.of(foreign), Optional.of(posing))) {
                assertThatThrownBy(() ->
                                GrpcPeers.join(1, with(Table.TOKEN, "1", files), table.address()))
                        .isInstanceOf(BadInputException.class)
                        .hasMessageMatching("worker 1: TLS with worker 0 .* failed .*; check .*");
            }
            assertThatThrownBy(() ->
                            GrpcPeers.join(
                                    1, with(Table.TOKEN, "1", Optional.empty()), table.address()))
                    .hasMessageContaining("worker 0 (");
            table.join(1);
            assertThat(table.all(worker -> worker.gather(0, new double[1]).size())).containsOnly(2);
        }
    }

    private static JobTerms with(String token, String version, Optional<TlsFiles> tls) {
        return new JobTerms(2, token, version, Duration.ofSeconds(5), Duration.ofSeconds(3), tls);
    }

    /** Somebody who finds the port and speaks the protocol. */
    private static final class Stranger extends ClientCall.Listener<byte[]> {
        final CompletableFuture<Status> end = new CompletableFuture<>();
        final List<Object> heard = new ArrayList<>();
        private final ManagedChannel channel;

        Stranger(Table table, String token) {
            channel =
                    NettyChannelBuilder.forAddress(table.address())
                            .usePlaintext()
                            .directExecutor()
                            .build();
            Metadata headers = new Metadata();
            if (token != null) {
                headers.put(LinkMethod.TOKEN, token);
            }
            headers.put(LinkMethod.RANK, "none");
            ClientCall<byte[], byte[]> call = channel.newCall(LinkMethod.MEET, CallOptions.DEFAULT);
            call.start(this, headers);
            call.request(10);
            call.sendMessage(
                    LinkFrame.encode(new LinkFrame.Said(new Words(0, "round 0", new byte[8]))));
            call.sendMessage(LinkFrame.encode(new LinkFrame.Lost(0, "all is lost")));
        }

        @Override
        public void onMessage(byte[] message) {
            heard.add(message);
        }

        @Override
        public void onClose(Status status, Metadata trailers) {
            end.complete(status);
        }

        void close() {
            channel.shutdownNow();
        }
    }
}
