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
eJzEWl9vG8cR9/HI43FISvTGtRk5TZxLUiRu4ihy4wQomlayqEiRTckr2qmLFsSJt6KuIu/Yu6McFehT3/pQtE8F+pYifSuKNkC/
Qb9C3/pcoK/9BMXsn+MeeSfJaYA+8Wb2t7uzM7Mzs7uExmQ0HfrBnUkUJiFpjceTaXx8RzJP33M+hOVNFg8i/5BR9rMpixPyBiwJ
WP+URbEfBm3jlvFmjTYF94lgOp8b0Jp1jSdhEDNCoBy4YyZ78G/ShqoaqMTZikT0iR94bVOg8RtnP2WRf+SzuD8ZuUHcLt8y3rRp
U3H3kUleh6WAMS/uB2H/yB+xuF3hsAbndsMt5Dl3oXU/DI784TRKl/cK1Aec1/9pLNfWoCBYn8Rh4GzAVa2TXNg7UGFRFEYcX1+7
cWdek3c62EwFylmH5hOU90zNugrWdDIKXU8O0F4c4DFvpxLnxHBVDIELVsPchjIqRQ5yfXEQDuYY8jJAxCZh7CdhdMZV36QaB7V/
6rNnXPtlyr+dPxvQELOuB/EzFpH3oXrkB54fDOWcLy7OuSUA21eowpK3oeyFAeOz5sq5GQZs+wrlKPKuUq55rnK3r0j1bthguVw+
x4EyDkVWwJZzx1zQJk1p51WoP/HZM6VDtW5DW/cH0NzwAzc6OweUOndp5tzOBiypjtJTVsE65JxiS8seEuf8BK5yjs/ivaPzBLgO
VhxOo4ESQVLkJajF0SA+dtfevyc304zh/BiWDjguPm/se2DHbMQGSRhJq60sCn4gETTFOvtgK+5z7n5cjS6ypJyPoNF1x+dLy809
Ypo5Utp5A5qyv7TINahgg9h6NhWEswEg7PDAjxPyHbAPpQ3axi3zXLulSOcHAEK1fIw1qAqDnDOEgFMFdP5TAksM+xW0J3zBLPaF
8pwvoCqGx2Gc8GhZo4Igr0Mzno4FBD/algj4GSbK4rEJC7y4XRWySBIjTXwWq0abN2occgvqHs8UkwRXUuMAnZWxJ2TtiXqJ/Z+z
dv2W8aZJ+bfmOw3ddxCbsM+SdpNHdf5NWmBG7rP2Emfhp/OFAZYwxHMqXRfTLBCznCtmJVdMa1HM6kzM3xhQ35/Gx2ojXAcrcaMh
S6S0kiIfQDXkaozlzv1mTl6Yxsd7AkQVWktK5iWT0pdSJDkUqipih1N/pDaXItEPvfBZMIxcT2xRm84Y5CbUEveE9cNTJqK+TW1k
7J2yiNyAqhed9aNpIHO/5UVndBpgr1E4OOk/c33hwSa1kfGp6ycoyiQKh5E7lu6rSOcPJQAUWqa0D8HmLSyOZYjOiXT7ErF9haZo
sgJVnBqTIXcMzHiSQdbAwtwaJcW6pLx9+wqVyFneK18u72E2jpnIxpWibHzA0mwssaQNVhAm/oAJzaAEgtYS6R8NqMquGCXixB2q
XSEIdFp0dpX+8BtdMpiOD6URK1RSOIKoysqcLQgcgVcFwnQi91+DShIm7oiLZlJBoDHjE38yYR7fECZVJFYotjJOKpKhiUS00mNh
ElOfZCZ8OV/4ii78i2C7o1Gfjy1krbqjES8+bkINm8QUQl7E9pB2/mWAJXZRWu8aWr2bU1SgYEfhyJNarVFJkbdnWjXzyyose5XA
98Aeu4F/xGS4z/XzhxJBUyz2i9iA+afMa1t8opx+VCJoinW2oLwlDbAQUlVwLOUGx2z+/4sBthLrOePzvUxSrK+9XLxgrimVND9K
azah2W8V91uPBsd+wgYJng5UBXcIDX3cXKlnyy3N5wKuGlNTDYHyyA+Y9Ev+7fwCruXJkDvX98CeuIMTd8gwJeCKXi1e0b5A0rRL
Or2pTT+G5bkOuTOvaUHiYv2nO3Zhur+VwFY+hqeedJsXu306mBsNjtV+wm/yKjTk2vpa6q5LHhaLfM+H08CTGUcQeFZ0B8nUHfW5
iUTcAsE6QEO9Bk0FELYVqachIcLCd6Eqp+LBITdqKyMoJHlfO9DY3ITFJy/trPNvA6rKPhgAWOJ6buIWJ7qHEkFTLKrbD47C4sPb
TnAUUo5BBYgqsZ/Zyw3BlApYg+qYYWhVkSsnOT7kAKqAaDOPDUKPebru65KHynd+WQJbiU/egpZawNy9xbLiP5ldOyyEXC2mmEWF
drm40K7MF9qXK6nRMU+GqMj+xE2OZV1dl7x9NzlGF5QK5ghVXHMWApx/GlBGg/wfzw9z9b21WN9/5bOD8ysDLOEbmQU2Zoll5Acn
fHUNHjtOiiLqOPSEDZuUf5NVKCdnE+FaS2svFflk72zCKEc6vzahvD9yA9wizPOT4ojU8fyEcgx5D8qTaaICcV5tPnKDgHkiiCEU
K/qIJX7E4rZ5mV4KjaHGi0JeN5WLgsamAFCFJN/VskWF93qlqHhdzBV6nLIuHafQ/SIWT0eJ9AdJkXeg4noe82TMyymJ17GZCpTz
OwMqnHHp2ur8ja67vUrQs51SKd4p1vytiwt1zUJFRRHf01I8/M713QLBnDOoSlti4ZO5dMpJvDtBzKIke/WkFUyFCVv0k/cWEu38
3YQyujjGf3SjfubypEYbyFSXWuQj4HRf3Y6InXCz6HZkl53ROnaQ11bkPrQiNhm5Azabx7zgkmZZ9kiF+BiWfb6U2Rhii1ykqyV/
RuFAHZCcdD2V88eRumv6GhWTdVh2JxjjZvJYF6xpSXRIJfk+SE4qSfWCe6emwEsZnEdQS1X+Nd3e/RAauvYQd8iOwkiNKyntmrR0
yWvSqRpZXt3czYx8gT9p02YcvlhVytV/W4KqjF+oIiw/lIrwW1ycnrLIT8RSlvIvTgWCptj07Gpmz67zdb84jbKRp1IuJ8gK2Oyz
CRsk/JDGb6IUjSoX9aeKrYJCY45ZHGMdKvKsInHeYz9I5M0c/8YZ5JNLpK7kFO383gRLJAQtkBuZQL6inT7lDW16wsy+TAgF6C8T
DjRc7Ygjw16Gh2MMWcAil5ccFX43rHH4FZs/Vkd1/p1JdNXnTXSvQP3wLGFxX+UnfhbgLJGBXoOmAIhk7HFtmrTBmVTwMukSLp8u
MbuxScLvQDG7sQnX/DTwQharO1BB4RGgmVnE15AbV8CeROzUD6extEZKL1irkmMt4ZKz4lBS6SaoZjcBT4F2bgqsZaLNFwZU+B2Z
7txGvnOXNOfO23zvSi2V+SbOiSZ8ol0/8GYq5NGgokWD9OrM0q7Obn9uAMyKSXITbjzsPNzo0H7v6X6n/7h7sN+5v7O109lsXSHX
oKU3bu086LQMch1Ihrv3YLNDWyVyA17Q+QdPHz7Y6e62TNKGa3rD9jrd5C1l8g24qrfs9bY7tFW57YKtohR2Pug86dCd3tM56Qgs
pS0dSvdoy0CJU96n67S70/24VSJXoZlyu3u9Tsu8/aUBtVSJKDofob+7093s73R7HdpdfyA0oDU8Plj/GDWQhdPOJ537vc6mUIHW
cH+vu/Vg536vZeJCtYbNTheXUMbFaeweXe8e7O/RXqtCXoBlrWXj8cHTlrX2VwOsfe4D5BHY6sWb5FyozD2krzjnQeTbVA9q6WMz
yekw/3y98tq5GDHq2p8MsJ/IYE12wRJPuiQn2mVeqVdyShj9NXjVIAcAs1dpkiPMwpv1xYOu/cMEoLPwv5s+ieUInHmmXblVDJAK
fiSf+fjjap7AC0+vKzknwdlL4apBdqGqiric+bNvrXmDzZ4MVw2yDRX+Wkly1KQ/g67k6CL7zLkJ5vpoRHKOitrr94WL+wRqm24w
ZBGG9v9trDUKtV7kBjEvFDpQ3p/Gx3ljao9ceWPO3m5WjY1v/+itoZ8cTw/vDMLxuwKrfkSXWP5ODg8t/reXu/8NAAD//2gEFuk=
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
