package io.millrace.spark.link;

import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;

/** The one method, by which a guest takes its seat and keeps it: frames both ways. */
final class LinkMethod {
    static final String SERVICE = "millrace.Workers";

    /** More than any journal that a worker is sent. */
    static final int MOST_BYTES = 1 << 30;

    static final Metadata.Key<String> TOKEN = key("millrace-token");
    static final Metadata.Key<String> RANK = key("millrace-rank");
    static final Metadata.Key<String> VERSION = key("millrace-version");

    static final MethodDescriptor<byte[], byte[]> MEET =
            MethodDescriptor.<byte[], byte[]>newBuilder()
                    .setType(MethodDescriptor.MethodType.BIDI_STREAMING)
                    .setFullMethodName(MethodDescriptor.generateFullMethodName(SERVICE, "Meet"))
                    .setRequestMarshaller(new Bytes())
                    .setResponseMarshaller(new Bytes())
                    .build();

    private LinkMethod() {}

    private static Metadata.Key<String> key(String name) {
        return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
    }

    private static final class Bytes implements MethodDescriptor.Marshaller<byte[]> {
        @Override
        public InputStream stream(byte[] bytes) {
            return new ByteArrayInputStream(bytes);
        }

        @Override
        public byte[] parse(InputStream stream) {
            try (stream) {
                return stream.readAllBytes();
            } catch (IOException e) {
                throw Status.INTERNAL
                        .withDescription("a frame cannot be read")
                        .withCause(e)
                        .asRuntimeException();
            }
        }
    }
}
