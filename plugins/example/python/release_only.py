#!/usr/bin/python3
"""A verifier plugin for mmpush in one file: it refuses pre-releases (1.0~rc1).

It needs Debian's python3-grpcio, python3-protobuf and python3-cryptography. To make
a verifier of your own, change NAME, VERSION and verify; the rest is the protocol of
plugins/pluginpb/plugin.proto.
"""
import base64, datetime, json, os, re, sys, threading, zlib
from concurrent import futures

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

NAME, VERSION = "release-only", "1.0.0"

config = {}  # what the settings have under "config:"


def verify(upload):
    """Yields a finding for each thing that is wrong. upload is a message Upload;
    its files are in the folder upload.folder."""
    pattern = config.get("pattern", r"~|alpha|beta|rc[0-9]")
    if re.search(pattern, upload.manifest.version):
        yield pb.Finding(
            code="RELEASE-ONLY", file=upload.name, field="version", actual=upload.manifest.version,
            message="this repository has no pre-releases", hint="publish it where testers look")


def configure(text):
    """Takes the configuration, a JSON object or nothing; raises ValueError if it
    cannot be used."""
    config.update(json.loads(text or b"{}"))
    unknown = set(config) - {"pattern"}
    if unknown:
        raise ValueError("unknown: " + ", ".join(sorted(unknown)))


# The messages: the descriptor of plugin.proto, made by
# MMPUSH_GOLDEN=write go test ./plugins
PROTO = """
eJzEWt9vG8fx9/GO5HFISvTGX5uR802cS1IkbuoocuMEKJpWsqhIkU3JK9qpixbEibciryLv2LujFBXoS/vWp/ZPSJG+FUUboP9B
/4W+Fehbgb72Lyhmfxz3xDtJTgv0iTezn52dnZ2dmd0lNKbj2dAP7k2jMAlJazKZzuLRPck8ed/5CJY3WTyI/ENG2U9nLE7IW7Ak
YP0TFsV+GLSNO8bbNdoU3GeC6XxhQGveNZ6GQcwIAStwJ0z24N+kDVUlqMTZikT0sR94bVOg8RtHP2GRf+SzuD8du0Hctu4Yb9u0
qbj7yCRvwlLAmBf3g7B/5I9Z3C5zWINzu+EW8pz70HoYBkf+cBal03sN6gPO6/8klnNrUBCsT+MwcDbgutZJTuxbUGZRFEYcX1+7
de+8Je91sJkKlLMOzWeo75kadRUqs+k4dD0poL0o4ClvpxLnxHBdiMAJKzF3wUKjSCE3F4VwMMeQVwEiNg1jPwmjM276JtU4aP0T
n51y61uUfzt/MKAhRl0P4lMWkQ+geuQHnh8M5ZgvL465JQDb16jCknfB8sKA8VFz9dwMA7Z9jXIUeU8Z17zQuNvXpHk3bKi4XD/H
AQtFkRWw5dgxV7RJU9p5HerPfHaqbKjmbWjz/hCaG37gRmcXgFLnLs2d29mAJdVResoqVA45p3ilZQ+Jc34M1znHZ/He0UUK3IRK
HM6igVJBUuQVqMXRIB65ax88kJtpznB+BEsHHBdfJPsB2DEbs0ESRnLVVhYVP5AImmKdfbAV9wV3P85GV1lSzsfQ6LqTi7Xlyz1m
2nKktPMWNGV/uSI3oIwNYuvZVBDOBoBYh0d+nJBvg30o16Bt3DEvXLcU6XwfQJiWy1iDqliQC0QIOFVA518lqAixX8N6whfMYl+w
zvkCmmI4CuOER8saFQR5E5rxbCIg+NGuiICfYaIuHpuywIvbVaGLJDHSxGexarR5o8Yhd6Du8UwxTXAmNQ7QWZn1hOx6ol1i/2es
Xb9jvG1S/q35TkP3HcQm7POk3eRRnX+TFpiRe9pe4iz8dL40oCIW4gWNrqtpFqhp5apZzlWzsqhmda7mrw2o78/ikdoIN6GSuNGQ
JVJbSZEPoRpyM8Zy5/5/Tl6YxaM9AaIKrSUl84pJ6SupkhSFporY4cwfq82lSPRDLzwNhpHriS1q0zmD3IZa4h6zfnjCRNS3qY2M
vRMWkVtQ9aKzfjQLZO6veNEZnQXYaxwOjvunri882KQ2Mj5z/QRVmUbhMHIn0n0V6fy2BIBKy5T2Edi8hcWxDNE5kW5fIrav0RRN
VqCKQ2My5I6BGU8yyBpUMLdGSbEtKW/fvkYlcp73rKvlPczGMRPZuFyUjQ9Ymo0llrShEoSJP2DCMqiBoLVE+jsDqrIrRok4cYdq
VwgCnRadXaU//EaXDGaTQ7mIZSoplCCqMouzBYESeFUglk7k/htQTsLEHXPVTCoIXMz42J9Omcc3hEkViRWKrRYnVcnQVCJa6bEw
iKkPMlfeyle+rCv/MtjueNznsoWuVXc85sXHbahhkxhC6IvYHtLOPwyoiF2U1ruGVu/mFBWo2FE49qRVa1RS5N25Vc38sgrLXqXw
A7AnbuAfMRnuc/38sUTQFIv9IjZg/gnz2hU+UE4/KhE0xTpbYG3JBVgIqSo4lnKDYzb//9EAW6n1gvH5QSYp1tdeLZ4wt5RKmh+n
NZuw7DeK+61Hg5GfsEGCpwNVwR1CQ5ebq/V8uqXzuYCbxtRMQ8Aa+wGTfsm/nZ/DjTwdcsf6LthTd3DsDhmmBJzR68Uz2hdImnZJ
hze14SewfK5D7shrWpC43P7pjl0Y7s8lsJWP4akn3ebFbp8Kc6PBSO0n/CavQ0POra+l7rrkYbHI93w4CzyZcQSBZ0V3kMzccZ8v
kYhbIFgHuFBvQFMBxNqK1NOQELHC96Eqh+LBITdqq0VQSPKBdqCx+RIWn7y0s84/Daiq9cEAwBLXcxO3ONE9lgiaYtHcfnAUFh/e
doKjkHIMGkBUif3MXm4IpjTAGlQnDEOrilw5yfExB1AFxDXz2CD0mKfbvi55aHznlyWwlfrkHWipCZy7t1hW/Gfza4eFkKvFFLOo
0LaKC+3y+UL7aiU1OubxEA3Zn7rJSNbVdcnbd5MRuqA0MEeo4pqzEOD8zQALF+R/eH44V99XFuv7r312cH5lQEX4RmaCjXliGfvB
MZ9dg8eO46KIOgk9sYZNyr/JKljJ2VS41tLaK0U+2TubMsqRzt9LYO2P3QC3CPP8pDgidTw/oRxD3gdrOktUIM6rzcduEDBPBDGE
YkUfscSPWNw2r9JLoTHUeFHI6yarKGhsCgBVSPIdLVuUea/XiorXxVyhx6nKleMUul/E4tk4kf4gKceFujaxolqCbwW5ffE7d8nn
CdfK1BdnUJUmwHohc1eTk692gphFSfbGRqszCvOc6CeP+xLt/MUECz0DwyZav5+5c6jRBjLVXRD5GDjdV5cKwoFuF10q7LIzWscO
8raHPIRWxKZjd8Dm45iX3G0syx6pEp/Ass+nMpchPOsyWy35cwoFdUBy0vmUL5Yjbdf0NSom67DsTjE0zPWpXDKnJdEh1eR7IDmp
JtVLrmuaAi91cJ5ALTX5f+nS6wfQ0K2HuEN2FEZKrqS028XSFW8XZ0qyvPG4n5F8iT9pw2YcvthUytV/U4Kq3PZoIszaykT4Le4b
T1jkJ2IqS/n3jQJBU2x65DOzR77z5bI4xLGxpzIVJ8gK2OzzKRsk/GzDL3AUjSYXZZsKSYLCxZywOMbyTaQnReK4Iz9I5IUW/8YR
5EtFpG6yFO38woSKiKNa/DP0+Ifd00ObvNhMD2bZC31hAP1C34GGq50MZNjL8FDGkAUscnmmLvMrVY3Db6b8iTrh8u9Mfqi+aH54
DeqHZwmL+67nMY9b0KTAWevIwVAoACKHedyaJm1wJhW8TJaBq2cZPHCzacKvDvHAzaYJVsjNjLJXPpYX14grYE8jduKHs1haPaUX
VqWcsyrC9ea1k6RSZ69mnZ2nOjs31dUyUeVLA8r8Ckl3YiPfiUuaE+dtsveklSy+WXOiBh9o1w+8uQn5ri9ruz69WapoN0t3vzAA
5rUWuQ23Hnceb3Rov/d8v9N/2j3Y7zzc2drpbLaukRvQ0hu3dh51Wga5CSTD3Xu02aGtErkFL+n8g+ePH+10d1smacMNvWF7nW7y
Fov8H1zXW/Z62x3aKt91wVbRCDsfdJ516E7v+TntCCylLR1K92jLQI1T3mfrtLvT/aRVItehmXK7e71Oy7z7lQG11IioOpfQ393p
bvZ3ur0O7a4/EhbQGp4erH+CFsjCaefTzsNeZ1OYQGt4uNfderTzsNcycaJaw2ani1OwcHIau0fXuwf7e7TXKpOXYFlr2Xh68LxV
WfuTAZV97gPkCdjqQZjk3Dece2decS6CyKebHtTSt1iS0+H86+7KGxdihNS13xtgP5NBmexCRbx4kpyolnnEXckpVfTH0lWDHADM
H21JjjILT7qXC137qwlA52F+N30xylE484q5cqcYIA38RL6C8bfHPIUXXiZXcg5K84e0VYPsQlUVaznjZ58i84TNX9RWDbINZf6Y
R3LMpL8SruTYIvsKuAnm+nhMck5S2uPwpZP7FGqbbjBkEYb2/0zWGoVaL3KDmBcEHbD2Z/EoT6b2BpQnc/60sWpsfPOH7wz9ZDQ7
vDcIJ+8JrPoRXWL5Oz08rPB/hdz/dwAAAP//cGbfEg==
"""


def messages():
    """The message classes of plugin.proto."""
    file = descriptor_pb2.FileDescriptorProto.FromString(zlib.decompress(base64.b64decode(PROTO)))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    make = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(pool).GetPrototype
    classes = {m.name: make(pool.FindMessageTypeByName(file.package + "." + m.name)) for m in file.message_type}
    return type("pb", (), classes)


pb = messages()


def describe(request, context):
    return pb.DescribeResponse(name=NAME, version=VERSION, kind="verifier")


def do_configure(request, context):
    try:
        configure(request.config_json)
    except ValueError as e:
        return pb.ConfigureResponse(error=pb.Error(message=str(e)))
    return pb.ConfigureResponse()


def do_verify(request, context):
    try:
        count = 0
        for finding in verify(request.upload):
            count += 1
            yield pb.VerifyAnswer(finding=finding)
        yield pb.VerifyAnswer(done=pb.Done(findings=count))
    except Exception as e:  # mmpush publishes nothing without an answer
        yield pb.VerifyAnswer(error=pb.Error(message="defect: %r" % e))


def service(name, **methods):
    """A gRPC service; a method is (function, request class, streams its answer)."""
    handlers = {}
    for method, (do, request, stream) in methods.items():
        kind = grpc.unary_stream_rpc_method_handler if stream else grpc.unary_unary_rpc_method_handler
        handlers[method] = kind(do, request_deserializer=request.FromString, response_serializer=lambda m: m.SerializeToString())
    return grpc.method_handlers_generic_handler(name, handlers)


def certificate():
    """A key and a certificate for this one run."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1)).not_valid_after(now + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256()))
    pem = serialization.Encoding.PEM
    text = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return text, cert.public_bytes(pem), cert.public_bytes(serialization.Encoding.DER)


def main():
    if os.environ.get("MMPUSH_PLUGIN") != "started-by-mmpush":
        sys.exit("This is a plugin of mmpush: mmpush plugin check " + sys.argv[0])
    if "1" not in os.environ["PLUGIN_PROTOCOL_VERSIONS"].split(","):
        sys.exit("this plugin speaks version 1 of the protocol, and mmpush " + os.environ["PLUGIN_PROTOCOL_VERSIONS"])
    key, cert, der = certificate()
    server = grpc.server(futures.ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", 256 << 20)])
    ended = threading.Event()

    def shutdown(request, context):
        ended.set()
        return b""

    raw = lambda b: b
    server.add_generic_rpc_handlers((
        service("mmpush.plugin.v1.Plugin", Describe=(describe, pb.DescribeRequest, False),
                Configure=(do_configure, pb.ConfigureRequest, False)),
        service("mmpush.plugin.v1.Verifier", Verify=(do_verify, pb.VerifyRequest, True)),
        grpc.method_handlers_generic_handler("plugin.GRPCController", {
            "Shutdown": grpc.unary_unary_rpc_method_handler(shutdown, raw, raw)}),
    ))
    # Only mmpush is let in: its certificate is the one that signs.
    mutual = grpc.ssl_server_credentials([(key, cert)], os.environ["PLUGIN_CLIENT_CERT"].encode(), require_client_auth=True)
    socket = os.path.join(os.environ["PLUGIN_UNIX_SOCKET_DIR"], "plugin")
    server.add_secure_port("unix:" + socket, mutual)
    server.start()
    print("1|1|unix|%s|grpc|%s" % (socket, base64.b64encode(der).decode().rstrip("=")), flush=True)

    def follow():  # mmpush has died if this ends
        sys.stdin.buffer.read()
        ended.set()

    threading.Thread(target=follow, daemon=True).start()
    ended.wait()
    server.stop(0.1).wait()


main()
