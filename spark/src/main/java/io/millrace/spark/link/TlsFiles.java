package io.millrace.spark.link;

import io.grpc.ChannelCredentials;
import io.grpc.ServerCredentials;
import io.grpc.TlsChannelCredentials;
import io.grpc.TlsServerCredentials;
import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Files in PEM for mutual authentication: each end shows its certificate, and takes the other's
 * where the authority has signed it.
 *
 * @param certificate of this worker, with those between it and the authority
 * @param key of the certificate, PKCS 8 without a password
 * @param authority whose certificates are taken
 * @param name that worker 0's certificate is for, where that is not its address
 */
public record TlsFiles(Path certificate, Path key, Path authority, Optional<String> name) {
    ServerCredentials ofServer() {
        return readingFiles(() ->
                TlsServerCredentials.newBuilder()
                        .keyManager(certificate.toFile(), key.toFile())
                        .trustManager(authority.toFile())
                        .clientAuth(TlsServerCredentials.ClientAuth.REQUIRE)
                        .build());
    }

    ChannelCredentials ofClient() {
        return readingFiles(() ->
                TlsChannelCredentials.newBuilder()
                        .keyManager(certificate.toFile(), key.toFile())
                        .trustManager(authority.toFile())
                        .build());
    }

    private interface Reading<T> {
        T read() throws IOException;
    }

    private static <T> T readingFiles(Reading<T> reading) {
        try {
            return reading.read();
        } catch (IOException e) {
            throw new BadInputException(
                    "--tls-cert, --tls-key, --tls-ca",
                    e.getMessage() + " cannot be read",
                    "give files in PEM that are there on every worker");
        }
    }
}
