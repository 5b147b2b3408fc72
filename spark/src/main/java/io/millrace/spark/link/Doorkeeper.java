package io.millrace.spark.link;

import io.grpc.Context;
import io.grpc.Contexts;
import io.grpc.Grpc;
import io.grpc.Metadata;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerInterceptor;
import io.grpc.Status;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;

/**
 * Lets in who has the job's token, and is of the same version. Whoever has it not is sent away
 * before a byte of its frames is read, with the same words whatever it lacks.
 */
final class Doorkeeper implements ServerInterceptor {
    /** Which worker a call is of, once it is let in. */
    static final Context.Key<Integer> RANK = Context.key("millrace-rank");

    /** Where it comes from. */
    static final Context.Key<String> ADDRESS = Context.key("millrace-address");

    private final byte[] token;
    private final String version;

    Doorkeeper(JobTerms terms) {
        token = terms.token().getBytes(StandardCharsets.UTF_8);
        version = terms.version();
    }

    @Override
    public <A, B> ServerCall.Listener<A> interceptCall(
            ServerCall<A, B> call, Metadata headers, ServerCallHandler<A, B> next) {
        String shown = headers.get(LinkMethod.TOKEN);
        byte[] theirs = (shown == null ? "" : shown).getBytes(StandardCharsets.UTF_8);
        // In a time that does not tell how much of it was right.
        if (!MessageDigest.isEqual(token, theirs)) {
            return refuse(
                    call, Status.UNAUTHENTICATED.withDescription("the job's token is needed"));
        }
        String named = headers.get(LinkMethod.RANK);
        if (named == null || !named.matches("[0-9]{1,6}")) {
            return refuse(call, Status.INVALID_ARGUMENT.withDescription("a rank is needed"));
        }
        String other = headers.get(LinkMethod.VERSION);
        if (!version.equals(other)) {
            return refuse(
                    call,
                    Status.FAILED_PRECONDITION.withDescription(
                            "worker 0 is of version "
                                    + version
                                    + ", worker "
                                    + named
                                    + " of "
                                    + other));
        }
        Context let =
                Context.current()
                        .withValue(RANK, Integer.valueOf(named))
                        .withValue(ADDRESS, addressOf(call));
        return Contexts.interceptCall(let, call, headers, next);
    }

    private static String addressOf(ServerCall<?, ?> call) {
        return call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR)
                        instanceof InetSocketAddress from
                ? from.getAddress().getHostAddress()
                : "";
    }

    private static <A, B> ServerCall.Listener<A> refuse(ServerCall<A, B> call, Status status) {
        call.close(status, new Metadata());
        return new ServerCall.Listener<>() {};
    }
}
